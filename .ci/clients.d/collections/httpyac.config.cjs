// Makes httpYac read variables as REST Client and Visual Studio do: {{name.response.body.$.member}} and
// {{name.response.headers.name}}, where it has {{name.member}} itself.
module.exports = {
  configureHooks({ hooks }) {
    const answers = new Map()
    hooks.onResponse.addHook("answers", (response, { httpRegion }) => {
      answers.set(httpRegion.metaData.name, response)
    })
    const valueIn = (whole, name, part, member) => {
      const answer = answers.get(name)
      if (answer === undefined) return whole
      return part === "headers" ? answer.headers[member] : answer.parsedBody[member]
    }
    const replace = (text) =>
      typeof text === "string" ? text.replace(/\{\{(\w+)\.response\.(body\.\$|headers)\.(\w+)\}\}/g, valueIn) : text
    hooks.replaceVariable.addHook("answers", replace, { before: ["name"] })
  },
}
