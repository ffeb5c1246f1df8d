// A card of an action that the model proposes: exactly what would happen, and the buttons without which it doesn't.

import { actionButton, element, outcome } from "./dom.js";
import { pageLink } from "./experiment.js";

const TITLES = { start: "Start an experiment", stop: "Stop an experiment", rerun: "Run an experiment again" };
const STATES = { open: "Waits for you", done: "Done", refused: "Refused", failed: "Failed" };
const LOOKS = { open: "queued", done: "succeeded", refused: "cancelled", failed: "failed" };

// `decide(decision)` gives the proposal as it is then.
export function proposalCard(proposal, decide) {
  const card = element("article", { class: "proposal", "aria-label": "Proposal", "data-proposal": proposal.id });
  show(card, proposal, decide);
  return card;
}

function show(card, proposal, decide) {
  card.dataset.state = proposal.state;
  const state = element("p", { class: `status status-${LOOKS[proposal.state]} proposal-state`, tabIndex: -1 });
  state.append(STATES[proposal.state] ?? proposal.state);
  card.replaceChildren(
    element("h3", {}, TITLES[proposal.action] ?? proposal.action),
    element("p", {}, proposal.summary),
    element("dl", { class: "facts proposal-arguments" }, ...[...facts(proposal.arguments)].map(fact)),
    state,
    ...(proposal.state === "open" ? buttons(card, decide) : settled(proposal)),
  );
}

function buttons(card, decide) {
  const said = outcome();
  const press = async (decision) => {
    said.busy(decision === "confirm" ? "It is carried out…" : "It is refused…");
    try {
      show(card, await decide(decision), decide);
      // The button that had the focus is gone.
      card.querySelector(".proposal-state").focus();
    } catch (error) {
      said.bad(error);
    }
  };
  const confirm = actionButton("Confirm", () => press("confirm"), { class: "button primary" });
  const refuse = actionButton("Refuse", () => press("refuse"));
  return [element("div", { class: "form-actions" }, confirm, refuse), said.element];
}

function settled({ detail, experiment_id: id }) {
  const link = id && pageLink({ id }, "See the experiment");
  return [detail && element("p", { class: "proposal-detail" }, detail), link && element("p", {}, link)].filter(Boolean);
}

// Each value with the names that lead to it.
function* facts(value, path = []) {
  const isNested = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length;
  if (!isNested) yield [path.join(" · "), typeof value === "string" ? value : JSON.stringify(value)];
  else for (const [name, inner] of Object.entries(value)) yield* facts(inner, [...path, name]);
}

function fact([name, value]) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, element("code", {}, value)));
}
