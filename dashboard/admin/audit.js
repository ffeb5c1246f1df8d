// Who did what: the audit trail, newest first.

import { actionButton, element, outcome } from "./dom.js";
import { pageLink } from "./experiment.js";
import { table } from "./table.js";

const WORDS = { start: "Started", stop: "Stopped", rerun: "Ran again", delete: "Deleted" };

export function create({ api }) {
  const said = outcome();
  const entries = table("What administrators did, newest first", COLUMNS, keyOf);
  const none = element("p", { class: "muted", hidden: true }, "Nobody has done anything yet.");
  let shown = [];
  let cursor;

  async function load(after) {
    try {
      const page = await api.get(`/audit${after ? `?${new URLSearchParams({ cursor: after })}` : ""}`);
      shown = after ? [...shown, ...page.entries] : page.entries;
      cursor = page.next_cursor;
      entries.show(shown);
      none.hidden = shown.length > 0;
      more.hidden = !cursor;
      said.clear();
    } catch (error) {
      said.bad(error);
    }
  }

  const more = actionButton("Earlier", () => load(cursor), { hidden: true });
  const head = element("div", { class: "panel-head" }, element("h2", { id: "audit-title" }, "Audit trail"));
  const section = { class: "panel", "aria-labelledby": "audit-title" };
  return {
    element: element("section", section, head, said.element, entries.element, none, more),
    show: () => load(),
    hide: () => {},
  };
}

const COLUMNS = [
  { label: "When", cell: ({ at }) => (at ? element("time", { dateTime: at }, new Date(at).toLocaleString()) : "unknown") },
  { label: "Who", cell: ({ who }) => who },
  { label: "What", cell: ({ action, detail }) => (WORDS[action] ?? action) + (detail.via === "chat" ? ", in the chat" : "") },
  { label: "Experiment", class: "wide", cell: ({ experiment_id: id, detail, action }) => experimentOf(id, detail, action) },
];

function experimentOf(id, { name, parameters = {} }, action) {
  const link = action === "delete" ? name || id : pageLink({ id, name });
  const asked = Object.entries(parameters).map(([parameter, value]) => `${parameter} ${value}`);
  return [link, element("small", {}, asked.join(" · "))];
}

function keyOf({ at, experiment_id: id, action, who }) {
  return [at, id, action, who].join();
}
