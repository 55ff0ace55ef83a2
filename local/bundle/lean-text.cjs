// Rewrites the modules that declare schemas and operations: see lean-operations.cjs.
const { readFileSync } = require("node:fs")
const { join } = require("node:path")
const ts = require("typescript")

const LIB = join(__dirname, "..", "..", "lib")

const parse = (path) => ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true)

/** Returns the names of the members of RequestSchemas, which is all that an endpoint knows of its operation. */
function requestMembers() {
  const source = parse(join(LIB, "http", "operation.ts"))
  const type = source.statements.find((one) => ts.isTypeAliasDeclaration(one) && one.name.text === "RequestSchemas")
  return new Set(type.type.members.map((member) => member.name.text))
}

/** Returns the constants that a module declares at its top, with their values. */
const constantsOf = (source) =>
  source.statements
    .filter((one) => ts.isVariableStatement(one) && one.declarationList.flags & ts.NodeFlags.Const)
    .flatMap((one) => one.declarationList.declarations)
    .filter(({ initializer }) => initializer !== undefined)

/** Returns the declared object of `const … = { … } satisfies …`, if it is one. */
const satisfyingObject = ({ initializer }) =>
  ts.isSatisfiesExpression(initializer) && ts.isObjectLiteralExpression(initializer.expression)
    ? initializer.expression
    : undefined

/** Returns a module's text in which unused constants can be left out; with `kept`, its operations have no other members. */
function leanText(path, kept) {
  const source = parse(path)
  const edits = []
  for (const constant of constantsOf(source)) {
    const { initializer } = constant
    edits.push({ from: initializer.getStart(), to: initializer.getStart(), text: "/* @__PURE__ */ (() => (" })
    const members = (kept && satisfyingObject(constant)?.properties) ?? []
    members.forEach(({ name, pos }, index) => {
      // Up to the next one, since the comma between them goes, too. A spread has no name, and stays.
      if (name !== undefined && !kept.has(name.text))
        edits.push({ from: pos, to: members[index + 1]?.pos ?? members.end, text: "" })
    })
    edits.push({ from: initializer.getEnd(), to: initializer.getEnd(), text: "))()" })
  }
  return edits
    .toReversed()
    .reduce((text, { from, to, text: put }) => text.slice(0, from) + put + text.slice(to), source.text)
}

module.exports = { leanText, requestMembers }
