// Makes elements. Text is always set as text, so nothing that comes from elsewhere becomes markup.

// Properties by name; `class`, `data-…`, `aria-…`, `role`, `for` and the like are attributes; `on…` are listeners.
export function element(name, properties = {}, ...children) {
  const created = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (property.startsWith("on")) created.addEventListener(property.slice(2), value);
    else if (property in created && !property.includes("-")) created[property] = value;
    else created.setAttribute(property, value === true ? "" : value);
  }
  created.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return created;
}

// Makes what a parent holds equal to what it should hold, and leaves alone what is equal already: focus, selection and
// scroll stay. Children are told apart by their `data-key`, where they have one.
export function update(parent, children) {
  const present = new Map([...parent.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  children.forEach((next, place) => {
    const old = next.dataset?.key ? present.get(next.dataset.key) : parent.children[place];
    if (!old || (!next.dataset?.key && old.nodeName !== next.nodeName)) {
      parent.insertBefore(next, parent.children[place] ?? null);
      return;
    }
    if (parent.children[place] !== old) parent.insertBefore(old, parent.children[place] ?? null);
    become(old, next);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

// Makes a node equal to another one that was made in the same way; its listeners stay.
function become(old, next) {
  if (old.isEqualNode(next)) return;
  if (!isAlike(old, next)) return old.replaceWith(next);
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  [...old.childNodes].forEach((child, place) => {
    const wanted = next.childNodes[0];
    if (child.nodeType === Node.TEXT_NODE && wanted.nodeType === Node.TEXT_NODE) {
      if (child.data !== wanted.data) child.data = wanted.data;
      wanted.remove();
    } else {
      wanted.remove();
      become(child, wanted);
    }
  });
}

// What does something else has another label, and other listeners.
function isAlike(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== next.nodeName) return false;
  return old.childNodes.length === next.childNodes.length && old.ariaLabel === next.ariaLabel;
}

// Shows what became of an action, where screen readers say it.
export function outcome() {
  const line = element("p", { class: "outcome", role: "status" });
  return {
    element: line,
    good: (...text) => show(line, "good", text),
    bad: (error) => show(line, "bad", [adviceOf(error)]),
    busy: (text) => show(line, "busy", [text]),
    clear: () => show(line, "", []),
  };
}

function show(line, kind, text) {
  line.dataset.kind = kind;
  line.replaceChildren(...text);
}

// What happened, and what to do next.
export function adviceOf(error) {
  return [error.title, error.detail].filter(Boolean).join(". ") || error.message;
}

// A button that is busy while its action goes on, so that it can't be pressed twice.
export function actionButton(label, action, properties = {}) {
  const button = element("button", { type: "button", class: "button", ...properties }, label);
  let isBusy = false;
  button.addEventListener("click", async () => {
    if (isBusy) return;
    isBusy = button.ariaDisabled = true;
    try {
      await action();
    } finally {
      isBusy = false;
      button.ariaDisabled = null;
    }
  });
  return button;
}

// Asks in a dialog, which keeps the keyboard inside and is left by Escape.
export function confirmed(question, label) {
  const dialog = element(
    "dialog",
    { class: "panel", "aria-labelledby": "question" },
    element("p", { id: "question" }, question),
    element(
      "form",
      { method: "dialog", class: "form-actions" },
      element("button", { class: "button", value: "" }, "Cancel"),
      element("button", { class: "button danger", value: "yes" }, label),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }),
  );
}
