// The list of experiments, and what can be done to them: stop, run again, edit, delete, one or many.

import { newKey } from "./api.js";
import { actionButton, confirmed, element, outcome } from "./dom.js";
import { logOf, pageLink, pathOf, stop } from "./experiment.js";
import { statusOf, table } from "./table.js";
import { ago, counted } from "./text.js";

const STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"];
const UNDER_WAY = ["queued", "running"];
const SEARCH_AFTER_MS = 300; // since the last key

export function create(context) {
  const list = new ExperimentList(context);
  return { element: list.element, show: () => list.load(), hide: () => clearTimeout(list.timer) };
}

class ExperimentList {
  constructor({ api }) {
    this.api = api;
    this.keys = new Map();
    this.chosen = new Set();
    this.outcome = outcome();
    this.table = table("Experiments, newest first", this.columns(), (experiment) => experiment.id);
    this.none = element("p", { class: "muted", hidden: true }, "No experiment is like that.");
    this.more = actionButton("Older experiments", () => this.load(this.cursor), { hidden: true });
    this.selection = actionButton("", () => this.rerunChosen(), { hidden: true });
    this.element = element(
      "section",
      { class: "panel", "aria-labelledby": "experiments-title" },
      element("div", { class: "panel-head" }, element("h2", { id: "experiments-title" }, "Experiments"), this.bulk()),
      this.filters(),
      this.table.element,
      this.none,
      this.more,
      this.outcome.element,
    );
  }

  filters() {
    this.status = element(
      "select",
      { name: "status" },
      element("option", { value: "" }, "any"),
      ...STATUSES.map((status) => element("option", { value: status }, status)),
    );
    this.search = element("input", { type: "search", name: "q", placeholder: "name, clip, codec or id" });
    const changed = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(), SEARCH_AFTER_MS);
    };
    return element(
      "form",
      { class: "filters", role: "search", oninput: changed, onsubmit: (event) => event.preventDefault() },
      element("label", {}, "Status", this.status),
      element("label", { class: "filter-text" }, "Search", this.search),
    );
  }

  bulk() {
    const failed = actionButton("Run all failed again", () => this.rerunFailed());
    return element("div", { class: "form-actions" }, this.selection, failed);
  }

  async load(cursor) {
    const asked = { status: this.status.value, q: this.search.value.trim(), cursor };
    const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value));
    const request = (this.request = Symbol("the newest request"));
    try {
      const page = await this.api.get(`/experiments?${query}`);
      if (request !== this.request) return;
      this.experiments = cursor ? [...this.experiments, ...page.experiments] : page.experiments;
      this.cursor = page.next_cursor;
      this.render();
    } catch (error) {
      this.outcome.bad(error);
    }
  }

  render() {
    this.table.show(this.experiments);
    this.none.hidden = this.experiments.length > 0;
    this.more.hidden = !this.cursor;
    this.renderSelection();
  }

  renderSelection() {
    this.selection.hidden = this.chosen.size === 0;
    for (const box of this.table.element.querySelectorAll("input")) {
      box.checked = this.chosen.has(box.closest("tr").dataset.key);
    }
    this.selection.textContent = `Run ${counted(this.chosen.size, "chosen one", "chosen")} again`;
  }

  columns() {
    return [
      { label: "Choose", class: "pick", cell: (experiment) => this.checkbox(experiment) },
      { label: "Experiment", class: "wide", cell: (experiment) => [pageLink(experiment), element("small", {}, experiment.id)] },
      { label: "Status", cell: (experiment) => statusOf(experiment.status) },
      { label: "Queued", class: "number", cell: (experiment) => ago(experiment.created_at) },
      { label: "Actions", class: "actions", cell: (experiment) => this.actions(experiment) },
    ];
  }

  checkbox({ id, name, status }) {
    return element("input", {
      type: "checkbox",
      "aria-label": `Choose ${name}`,
      checked: this.chosen.has(id),
      disabled: UNDER_WAY.includes(status),
      onchange: ({ target }) => {
        if (target.checked) this.chosen.add(id);
        else this.chosen.delete(id);
        this.renderSelection();
      },
    });
  }

  actions(experiment) {
    const log = element("a", { href: logOf(experiment.id), "aria-label": `Log of ${experiment.name}` }, "Log");
    if (UNDER_WAY.includes(experiment.status)) return [this.button("Stop", experiment, () => this.stop(experiment)), log];
    const edit = `#start/${encodeURIComponent(experiment.id)}`;
    return [
      this.button("Run again", experiment, () => this.rerun(experiment)),
      element("a", { href: edit, "aria-label": `Edit and run again ${experiment.name}` }, "Edit"),
      log,
      this.button("Delete", experiment, () => this.remove(experiment)),
    ];
  }

  button(label, { name }, action) {
    return actionButton(label, action, { class: "button small", "aria-label": `${label}: ${name}` });
  }

  stop(experiment) {
    return this.act(`Stopping ${experiment.name}…`, async () => [await stop(this.api, experiment)]);
  }

  rerun({ id, name }) {
    return this.act(`Running ${name} again…`, async () => {
      const path = `${pathOf(id)}/rerun`;
      await this.once(id, (key) => this.api.send("POST", path, {}, key));
      return [`${name} is in the queue again. `, element("a", { href: "#monitor" }, "Watch it"), "."];
    });
  }

  rerunChosen() {
    const ids = [...this.chosen];
    return this.act(`Running ${counted(ids.length, "experiment")} again…`, async () => {
      const done = await this.once(ids.join(), (key) => this.api.send("POST", "/reruns", { ids }, key));
      this.chosen.clear();
      return told(done);
    });
  }

  rerunFailed() {
    return this.act("Running what has failed again…", async () =>
      told(await this.once("failed", (key) => this.api.send("POST", "/reruns", {}, key))),
    );
  }

  async remove({ id, name }) {
    const question = `Delete ${name}, with its videos, its log and its place in all statistics? This can't be undone.`;
    if (!(await confirmed(question, "Delete"))) return;
    await this.act(`Deleting ${name}…`, async () => {
      await this.api.send("DELETE", pathOf(id));
      this.chosen.delete(id);
      return [`${name} is deleted.`];
    });
  }

  // A failed request is repeated with its key, so that what did happen doesn't happen twice; a new one gets a new key.
  async once(what, send) {
    const key = this.keys.get(what) ?? newKey();
    this.keys.set(what, key);
    const done = await send(key);
    this.keys.delete(what);
    return done;
  }

  async act(doing, action) {
    this.outcome.busy(doing);
    try {
      this.outcome.good(...(await action()));
    } catch (error) {
      const present = error.presentStatus ? `It is ${error.presentStatus} now. ` : "";
      this.outcome.bad({ title: error.title, detail: present + (error.detail ?? error.message) });
    }
    await this.load();
  }
}

function told({ started, left_out: leftOut }) {
  const reasons = leftOut.map(({ id, reason }) => element("li", {}, `${id}: ${reason}`));
  const summary = started.length ? `${counted(started.length, "experiment")} in the queue again. ` : "Nothing was run again. ";
  return [summary, reasons.length > 0 && element("ul", {}, ...reasons)].filter(Boolean);
}
