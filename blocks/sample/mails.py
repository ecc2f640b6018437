"""Mails as bytes: what the standard library writes, with every boundary and id fixed, and the defects of real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.mime.text import MIMEText
from email.policy import SMTP, compat32
from email.utils import format_datetime, formataddr
from html import escape

STUDIO = "studio@agency.example"


@dataclass(frozen=True)
class Attachment:
    """A file that is sent along; one of message/rfc822 is a mail."""

    name: str
    media_type: str
    data: bytes | Mail


@dataclass(frozen=True)
class Mail:
    """What a mail says. It is `plain`, `html`, `both`, or `latin1`: as an old program writes it."""

    key: str
    sender: tuple[str, str]
    """Name and address."""
    subject: str
    text: str
    when: datetime | None
    form: str = "plain"
    attachments: tuple[Attachment, ...] = ()
    is_cut: bool = False
    """Whether the end is missing, and with it the closing boundary."""

    def to_bytes(self) -> bytes:
        """The mail as it is sent."""
        if self.form == "latin1":
            return _old(self).as_bytes(policy=compat32.clone(linesep="\r\n"))
        message = _message(self)
        for index, part in enumerate(message.walk()):
            if part.get_content_maintype() == "multipart":
                part.set_boundary(f"=_{self.key}_{index}")
        data = message.as_bytes(policy=SMTP)
        return data[: data.rindex(b"--=_")] if self.is_cut else data


def _message(mail: Mail) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    name, address = mail.sender
    user, domain = address.split("@")
    message["From"] = Address(name, user, domain)
    message["To"] = STUDIO
    message["Subject"] = mail.subject
    message["Message-ID"] = _id(mail)
    if mail.when:
        message["Date"] = mail.when
    html = f"<html><body><p>{escape(mail.text).replace(chr(10), '<br>')}</p></body></html>\n"
    if mail.form == "html":
        message.set_content(html, subtype="html")
    else:
        message.set_content(mail.text)
    if mail.form == "both":
        message.add_alternative(html, subtype="html")
    for one in mail.attachments:
        if isinstance(one.data, Mail):
            message.add_attachment(_message(one.data), filename=one.name)
        else:
            maintype, subtype = one.media_type.split("/")
            message.add_attachment(one.data, maintype=maintype, subtype=subtype, filename=one.name)
    return message


def _old(mail: Mail) -> Message:
    """A mail in ISO-8859-1, subject and text, as programs wrote it before UTF-8."""
    message = MIMEText(mail.text, "plain", "iso-8859-1")
    message["From"] = formataddr(mail.sender, "iso-8859-1")
    message["To"] = STUDIO
    message["Subject"] = Header(mail.subject, "iso-8859-1", header_name="Subject").encode(linesep="\r\n")
    message["Message-ID"] = _id(mail)
    if mail.when:
        message["Date"] = format_datetime(mail.when)
    return message


def _id(mail: Mail) -> str:
    return f"<{mail.key}@{mail.sender[1].split('@')[1]}>"
