// The site's health, as /health tells it to everybody.

import { element } from "./dom.js";

const CHECK_EVERY_MS = 30_000;
const GIVE_UP_AFTER_MS = 10_000;
const HEADLINES = {
  ok: "Everything answers",
  degraded: "Something that the site needs does not answer",
  unreachable: "The site's health can't be read",
};

const status = document.getElementById("status");
const facts = document.getElementById("facts");
const button = document.getElementById("check");

// Shows it, and keeps it current as long as it can be seen.
export function followHealth() {
  status.hidden = false;
  button.hidden = false;
  button.addEventListener("click", check);
  setInterval(() => document.hidden || status.closest("[hidden]") || check(), CHECK_EVERY_MS);
  check();
}

async function check() {
  button.disabled = true;
  try {
    const response = await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_AFTER_MS) });
    // A degraded site answers with status 503, and says in the same way what is wrong.
    show(await response.json());
  } catch (error) {
    showUnreachable(error);
  } finally {
    button.disabled = false;
  }
}

function show({ status: state, build_id: build, version, stack, dependencies }) {
  if (!(state in HEADLINES) || typeof dependencies !== "object") throw new Error("/health answers with something else");
  setStatus(state);
  facts.replaceChildren(
    fact("Build", element("code", {}, build)),
    fact("Version", version),
    fact("Stack", stack),
    ...Object.entries(dependencies).map(([name, found]) => fact(capitalised(name), dependency(found))),
    fact("Checked", new Date().toLocaleTimeString()),
  );
  facts.hidden = false;
}

function showUnreachable(error) {
  setStatus("unreachable");
  const reason = error.name === "TimeoutError" ? "no answer for 10 seconds" : error.message;
  facts.replaceChildren(fact("Reason", reason), fact("Checked", new Date().toLocaleTimeString()));
  facts.hidden = false;
}

function setStatus(state) {
  // Screen readers say it again each time it is set.
  if (status.textContent !== HEADLINES[state]) status.textContent = HEADLINES[state];
  status.className = `health-status status-${state === "ok" ? "ok" : "degraded"}`;
}

function dependency({ status: state, latency_ms: latency, reason }) {
  const text = state === "ok" ? `Answers in ${latency} ms` : `Fails: ${reason}`;
  return element("span", { class: `status status-${state === "ok" ? "ok" : "failed"}` }, text);
}

function fact(term, description) {
  return element("div", {}, element("dt", {}, term), element("dd", {}, description));
}

function capitalised(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
