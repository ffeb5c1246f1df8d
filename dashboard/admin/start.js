// Starts an experiment, new or as another one with other parameters: a form made from the codec's own JSON Schema.

import { newKey } from "./api.js";
import { actionButton, element, outcome } from "./dom.js";
import { logOf, pathOf } from "./experiment.js";
import { usd } from "./text.js";

const ESTIMATE_AFTER_MS = 300; // since the last change

export function create(context) {
  const form = new StartForm(context);
  return { element: form.element, show: ([id]) => form.show(id), hide: () => clearTimeout(form.timer) };
}

class StartForm {
  constructor({ api }) {
    this.api = api;
    this.key = newKey();
    this.outcome = outcome();
    this.title = element("h2", { id: "start-title" }, "Start an experiment");
    this.origin = element("p", { class: "muted" });
    this.fields = element("div", { class: "fields" });
    this.estimate = element("p", { class: "estimate", role: "status" });
    this.button = actionButton("Start", () => this.submit(), { class: "button primary", type: "submit" });
    // Until there is something to start.
    this.button.disabled = true;
    this.form = element(
      "form",
      { class: "panel start-form", onsubmit: (event) => event.preventDefault(), oninput: () => this.changed() },
      this.title,
      this.origin,
      this.fields,
      this.estimate,
      element("div", { class: "form-actions" }, this.button),
      this.outcome.element,
    );
    this.element = element("section", { "aria-labelledby": "start-title" }, this.form);
  }

  async show(parentId) {
    if (this.catalogue && parentId === this.parent?.id) return;
    try {
      this.outcome.busy("Loading…");
      this.catalogue ??= await this.api.get("/codecs");
      this.parent = parentId ? await experimentOf(parentId) : undefined;
      this.outcome.clear();
      this.fill();
    } catch (error) {
      this.outcome.bad(error);
    }
  }

  fill() {
    const { codecs, clips } = this.catalogue;
    this.title.textContent = this.parent ? "Run again with other parameters" : "Start an experiment";
    this.origin.textContent = this.parent ? `Runs again: ${this.parent.name}` : "";
    this.codec = choice("codec", "Codec", codecs.map(({ name, title }) => [name, title]), this.parent?.codec);
    this.clip = choice("clip", "Clip", clips.map((clip) => [clip.name, describe(clip)]), this.parent?.clip);
    this.name = element("input", { id: "field-name", name: "name", maxLength: 200, autocomplete: "off" });
    this.parameters = element("div", { class: "fields" });
    const of = this.parent ? [this.codec, this.clip] : [this.codec, this.clip, labelled("Name", this.name, "optional")];
    this.fields.replaceChildren(...of, this.parameters);
    for (const field of [this.codec, this.clip]) field.querySelector("select").disabled = Boolean(this.parent);
    this.codec.addEventListener("change", () => this.showParameters());
    this.showParameters();
    this.button.disabled = false;
  }

  showParameters() {
    this.chosen = this.catalogue.codecs.find(({ name }) => name === value(this.codec)) ?? this.catalogue.codecs[0];
    const { preset, quality, options } = this.chosen.parameters.properties;
    const given = this.parent ? parametersOf(this.parent, this.chosen) : this.chosen.defaults;
    const more = Object.entries(options.properties).map(([name, schema]) =>
      field(`/parameters/options/${name}`, schema.title ?? name, schema, given.options?.[name], true),
    );
    this.parameters.replaceChildren(
      field("/parameters/preset", preset.title, preset, given.preset),
      field("/parameters/quality", quality.title, quality, given.quality),
      element(
        "details",
        { class: "options", open: Object.keys(given.options ?? {}).length > 0 },
        element("summary", {}, options.title ?? "Options"),
        element("div", { class: "fields" }, ...more),
      ),
    );
    this.changed();
  }

  // Another experiment needs another key; and its costs are others.
  changed() {
    this.key = newKey();
    this.outcome.clear();
    for (const fault of this.form.querySelectorAll(".fault")) fault.textContent = "";
    for (const input of this.form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.estimateCosts(), ESTIMATE_AFTER_MS);
  }

  async estimateCosts() {
    const key = this.key;
    try {
      const { usd: amount, basis } = await this.api.send("POST", "/estimates", this.request());
      if (key !== this.key) return;
      this.estimate.textContent = amount === null ? `Cost: unknown (${basis})` : `Cost: about ${usd(amount)} (${basis})`;
    } catch (error) {
      if (key !== this.key) return;
      this.estimate.textContent = "";
      this.showFaults(error);
    }
  }

  request() {
    const parameters = {};
    for (const input of this.parameters.querySelectorAll("[data-path]")) {
      if (input.value === "") continue;
      const [, , ...path] = input.dataset.path.split("/");
      const of = path.length > 1 ? (parameters[path[0]] ??= {}) : parameters;
      of[path.at(-1)] = input.type === "number" ? Number(input.value) : input.value;
    }
    const name = this.name.value.trim();
    return { codec: this.chosen.name, clip: value(this.clip), parameters, ...(name && { name }) };
  }

  async submit() {
    if (!this.chosen || !this.form.reportValidity()) return;
    this.outcome.busy("Starting…");
    try {
      const { experiment } = await this.send();
      this.outcome.good(
        `${experiment.name} is in the queue. `,
        element("a", { href: "#monitor" }, "Watch it"),
        " or ",
        element("a", { href: logOf(experiment.id) }, "read its log"),
        ". ",
        actionButton("Start one more like it", () => this.again(), { class: "button small" }),
      );
    } catch (error) {
      this.showFaults(error);
      this.outcome.bad(error);
    }
  }

  again() {
    this.key = newKey();
    return this.submit();
  }

  // The key stays until something is changed: pressed twice, or again after a failure, it is one experiment.
  send() {
    if (!this.parent) return this.api.send("POST", "/experiments", this.request(), this.key);
    const { parameters } = this.request();
    return this.api.send("POST", `${pathOf(this.parent.id)}/rerun`, { parameters }, this.key);
  }

  showFaults({ problems = [] }) {
    for (const { path, message } of problems) {
      const input = this.form.querySelector(`[data-path="${CSS.escape(path)}"]`);
      if (!input) continue;
      input.setAttribute("aria-invalid", "true");
      document.getElementById(input.getAttribute("aria-describedby")).textContent = message;
    }
  }
}

async function experimentOf(id) {
  const answer = await fetch(`/api${pathOf(id)}`, { cache: "no-store" }).catch(() => null);
  if (!answer || answer.status >= 500) throw new Error("The experiment can't be read. Try again in a moment.");
  if (!answer.ok) throw new Error("There is no such experiment. Choose another one from the list of experiments.");
  return answer.json();
}

// What the form can show of an experiment's parameters.
function parametersOf({ parameters }, { parameters: { properties } }) {
  const known = Object.keys(properties.options.properties).filter((name) => name in parameters);
  return {
    preset: parameters.preset,
    quality: parameters[parameters.rate_control],
    options: Object.fromEntries(known.map((name) => [name, parameters[name]])),
  };
}

function choice(name, label, options, chosen) {
  const items = options.map(([given, title]) => element("option", { value: given, selected: given === chosen }, title));
  return labelled(label, element("select", { id: `field-${name}`, name, "data-path": `/${name}` }, ...items));
}

function field(path, label, schema, given, isOptional = false) {
  const id = `field${path.replaceAll("/", "-")}`;
  const common = { id, "data-path": path, required: !isOptional };
  const input = schema.enum ? selectOf(schema, given, common, isOptional) : inputOf(schema, given, common);
  return labelled(label, input, schema.description ?? (isOptional ? "the encoder's own choice where empty" : ""));
}

function selectOf(schema, given, common, isOptional) {
  const none = isOptional ? [element("option", { value: "" }, "the encoder's own choice")] : [];
  const options = schema.enum.map((item) => element("option", { value: item, selected: item === given }, String(item)));
  return element("select", common, ...none, ...options);
}

function inputOf({ type, minimum, maximum }, given, common) {
  if (type === "string") return element("input", { ...common, value: given ?? "" });
  const step = type === "integer" ? 1 : "any";
  return element("input", { ...common, type: "number", min: minimum, max: maximum, step, value: given ?? "" });
}

function labelled(label, input, hint = "") {
  const fault = element("span", { class: "fault", id: `${input.id}-fault` });
  input.setAttribute("aria-describedby", fault.id);
  return element("label", { class: "field" }, label, input, hint && element("small", {}, hint), fault);
}

function value(labelledField) {
  return labelledField.querySelector("select").value;
}

function describe({ title, width, height, frames, frames_per_second: fps }) {
  return `${title} · ${width}×${height} · ${(frames / fps).toFixed(1)} s`;
}
