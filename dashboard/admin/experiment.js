// An experiment as all views know it: where it is shown, where its log is, and how it is stopped.

import { element } from "./dom.js";

// The path of its public page; below the admin API's root, its own one.
export function pathOf(id) {
  return `/experiments/${encodeURIComponent(id)}`;
}

export function pageLink({ id, name }, label = name || id) {
  return element("a", { href: pathOf(id) }, label);
}

export function logOf(id) {
  return `#log/${encodeURIComponent(id)}`;
}

// Says what has become of it: a worker that is at it has yet to hear of that.
export async function stop(api, { id, name }) {
  const { experiment } = await api.send("POST", `${pathOf(id)}/stop`);
  return experiment.status === "cancelled" ? `${name} is cancelled.` : `${name} was told to stop.`;
}
