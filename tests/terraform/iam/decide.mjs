// What IAM decides: simulations on standard input as a JSON list, decisions on standard output.
// A request that AWS does not know (a misspelt action, a resource of another kind) ends it.
import { runSimulation } from '@cloud-copilot/iam-simulate'

let text = ''
for await (const chunk of process.stdin) text += chunk

const decisions = []
for (const simulation of JSON.parse(text)) {
  const found = await runSimulation(simulation, {})
  if (found.resultType === 'error') {
    console.error(JSON.stringify({ request: simulation.request, errors: found.errors }))
    process.exit(1)
  }
  decisions.push(found.overallResult ?? found.result?.evaluationResult ?? found.analysis?.result)
}
console.log(JSON.stringify(decisions))
