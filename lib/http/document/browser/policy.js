// Lets Scalar's script make its styles under a policy without 'unsafe-inline': the nonce goes to the style elements that
// it creates, and what it writes into style attributes goes through the CSSOM, which the policy allows.
const { content } = document.querySelector('meta[property="csp-nonce"]')
const { createElement } = Document.prototype
const { setAttribute } = Element.prototype

Document.prototype.createElement = function (name, options) {
  const element = createElement.call(this, name, options)
  if (element instanceof HTMLStyleElement) element.nonce = content
  return element
}

Element.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value
  else setAttribute.call(this, name, value)
}

const { set: setInnerHTML } = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML")
Object.defineProperty(Element.prototype, "innerHTML", {
  ...Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML"),
  set(html) {
    setInnerHTML.call(this, String(html).replaceAll(' style="', ' data-style="'))
    for (const element of this.querySelectorAll("[data-style]")) element.style.cssText = element.dataset.style
  },
})
