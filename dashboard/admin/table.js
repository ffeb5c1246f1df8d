// Tables whose rows become cards on a phone, and stay tables for screen readers.

import { element, update } from "./dom.js";

// `columns` are { label, cell(row), class }; a row is known by `keyOf(row)`. Without rows there is no table to be seen.
export function table(caption, columns, keyOf) {
  const head = columns.map(({ label, class: name }) => element("th", { scope: "col", role: "columnheader", class: name }, label));
  const body = element("tbody", { role: "rowgroup" });
  const grid = element(
    "table",
    { class: "listing", role: "table", hidden: true, tabIndex: -1 },
    element("caption", { class: "visually-hidden" }, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    body,
  );
  const row = (of) =>
    element(
      "tr",
      { role: "row", "data-key": keyOf(of) },
      ...columns.map(({ label, cell, class: name }) =>
        element("td", { role: "cell", "data-label": label, class: name }, ...[cell(of)].flat()),
      ),
    );
  const show = (rows) => {
    const hadFocus = grid.contains(document.activeElement);
    grid.hidden = rows.length === 0;
    update(body, rows.map(row));
    // What had it is gone: the keyboard goes on from here, not from the page's beginning.
    if (hadFocus && !grid.contains(document.activeElement)) grid.focus({ preventScroll: true });
  };
  return { element: grid, show };
}

// A status as on the public pages: a dot and a word.
export function statusOf(status, ...more) {
  const word = status ? status.charAt(0).toUpperCase() + status.slice(1) : "Unknown";
  return element("span", { class: `status status-${status || "unknown"}` }, word, ...more);
}
