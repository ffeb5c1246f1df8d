// Keeps the parts of a page that are marked data-live as the server has them now, and leaves alone what didn't change:
// scroll, focus, selected text, open details and filled-in fields stay as they are.

const BUSY_MS = 5_000; // while an experiment on the page waits or runs
const IDLE_MS = 30_000;
const LONGEST_MS = 120_000; // between attempts, while the site doesn't answer
const GIVE_UP_AFTER_MS = 10_000;
const FAILURES_TO_TELL = 3;

const notice = document.createElement("p");
notice.className = "live-notice";
notice.setAttribute("role", "status");
document.body.append(notice);

let tag = null;
let failures = 0;
let answered = new Date();
let needed = true;
let timer;

async function refresh() {
  clearTimeout(timer);
  try {
    await follow();
    failures = 0;
    answered = new Date();
  } catch {
    failures += 1;
  }
  tellState();
  wait();
}

async function follow() {
  // The browser itself asks with the tag of the page that it has loaded, which only it knows.
  const known = tag ? { headers: { "If-None-Match": tag } } : { cache: "no-cache" };
  const answer = await fetch(location.href, { ...known, signal: AbortSignal.timeout(GIVE_UP_AFTER_MS) });
  if (answer.status === 304) return;
  // What comes with Retry-After is an old page, shown for want of a new one, or none.
  if (!answer.ok || answer.headers.has("Retry-After")) throw new Error("The site has no new page");
  show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  tag = answer.headers.get("ETag");
}

function show(next) {
  // Another release's page doesn't fit this one's script and stylesheet.
  if (buildOf(next) !== buildOf(document)) return location.reload();
  for (const part of document.querySelectorAll("[data-live]")) {
    update(part, next.querySelector(`[data-live="${part.dataset.live}"]`));
  }
  loadScripts(next);
  needed = next.querySelector('script[src="/live.js"]') !== null;
}

function buildOf(page) {
  return page.querySelector(".site-footer code").title;
}

function update(node, next) {
  if (node.isEqualNode(next)) return;
  if (node.nodeType === Node.TEXT_NODE) {
    node.data = next.data;
    return;
  }
  updateAttributes(node, next);
  updateChildren(node, next);
}

function updateAttributes(element, next) {
  for (const { name } of [...element.attributes]) {
    // Whether details are open is up to who reads them.
    if (!next.hasAttribute(name) && name !== "open") element.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

/** Matches children by their data-key, those without one by their order and kind. */
function updateChildren(parent, next) {
  const kept = keyed(parent);
  const wanted = keyed(next);
  for (const [key, child] of kept) if (!wanted.has(key)) child.remove();
  let place = parent.firstChild;
  for (const child of [...next.childNodes]) {
    const twin = kept.get(keyOf(child)) ?? (isAlike(place, child) ? place : null);
    if (!twin) {
      parent.insertBefore(child, place);
      continue;
    }
    if (twin === place) place = place.nextSibling;
    else move(parent, twin, place);
    update(twin, child);
  }
  while (place) {
    const following = place.nextSibling;
    place.remove();
    place = following;
  }
}

function keyed(parent) {
  return new Map([...parent.children].filter(keyOf).map((child) => [keyOf(child), child]));
}

function keyOf(node) {
  return node?.dataset?.key;
}

function isAlike(place, child) {
  return place?.nodeName === child.nodeName && !keyOf(place) && !keyOf(child);
}

function move(parent, child, place) {
  // Unlike insertBefore, it keeps the focus; not every browser has it yet.
  if (parent.moveBefore) parent.moveBefore(child, place);
  else parent.insertBefore(child, place);
}

function loadScripts(next) {
  for (const { src } of next.head.querySelectorAll("script")) {
    if ([...document.scripts].some((script) => script.src === src)) continue;
    const script = document.createElement("script");
    script.src = src;
    document.head.append(script);
  }
}

function tellState() {
  const lost = `Lost touch with the site: this is from ${answered.toLocaleTimeString()}. It is tried again.`;
  const text = failures < FAILURES_TO_TELL ? "" : lost;
  // Screen readers say it again each time it is set.
  if (notice.textContent !== text) notice.textContent = text;
}

function wait() {
  clearTimeout(timer);
  if (document.hidden || !needed) return;
  const pending = document.querySelector("[data-live] .status:is(.status-queued, .status-running)");
  timer = setTimeout(refresh, Math.min((pending ? BUSY_MS : IDLE_MS) * 2 ** failures, LONGEST_MS));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (needed) refresh();
});
wait();
