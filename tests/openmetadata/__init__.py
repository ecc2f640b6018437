"""A strict stand-in of an OpenMetadata 2.0 server: it refuses what a real one refuses, and fails on demand."""
