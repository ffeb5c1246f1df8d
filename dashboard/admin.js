// The admin page: signs people in and leads to its views, each of them a module in admin/ with a link of its own.

import { Api } from "./admin/api.js";
import * as audit from "./admin/audit.js";
import * as chat from "./admin/chat.js";
import { adviceOf, element } from "./admin/dom.js";
import * as experiments from "./admin/experiments.js";
import { followHealth } from "./admin/health.js";
import * as log from "./admin/log.js";
import * as monitor from "./admin/monitor.js";
import { returning, signIn, wasSignedIn } from "./admin/sign_in.js";
import * as start from "./admin/start.js";

const VIEWS = { monitor, start, experiments, log, chat, audit };
const FIRST = "monitor";

const signedOut = document.getElementById("signed-out");
const signedIn = document.getElementById("signed-in");
const message = document.getElementById("sign-in-message");
const who = document.getElementById("signed-in-as");
const health = document.getElementById("site-health");

async function begin() {
  document.getElementById("without-script").remove();
  followHealth();
  let config = null;
  try {
    config = await configuration();
    const session = await returning(config, () => showSignedOut(config, "Your session has ended. Sign in again."));
    if (session) await showSignedIn(config, session);
    else if (wasSignedIn()) await signIn(config);
    else showSignedOut(config);
  } catch (error) {
    showSignedOut(config, adviceOf(error));
  }
}

async function configuration() {
  const answer = await fetch("/config.json", { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) throw new Error("How to sign in can't be read from the site. Try again in a moment.");
  return answer.json();
}

function showSignedOut(config, reason = "") {
  views?.shown?.hide();
  views = null;
  signedIn.hidden = true;
  signedOut.hidden = false;
  health.hidden = false;
  who.replaceChildren();
  message.textContent = reason;
  // Without the configuration, a click begins from the start.
  const begin = () => (config ? signIn(config) : location.reload());
  const button = element("button", { type: "button", class: "button primary", onclick: begin }, "Sign in");
  document.getElementById("sign-in-place").replaceChildren(button);
}

async function showSignedIn(config, session) {
  const api = new Api(config.admin_api, session);
  const signOut = element("button", { type: "button", class: "button", onclick: () => session.signOut() }, "Sign out");
  let user;
  try {
    user = await api.get("/me");
  } catch (error) {
    showSignedOut(config, adviceOf(error));
    // Whoever is signed in, but is no administrator, comes back as somebody else only by way of signing out.
    if (error.status === 403) who.replaceChildren(signOut);
    return;
  }
  who.replaceChildren("Signed in as ", element("strong", {}, user.name), " ", signOut);
  signedOut.hidden = true;
  signedIn.hidden = false;
  views = new Views({ api, user, navigate: (hash) => (location.hash = hash) });
  views.show();
}

// The views of whoever is signed in: made when they are first shown, one seen at a time.
class Views {
  constructor(context) {
    this.context = context;
    this.made = {};
    this.place = document.getElementById("view");
    this.links = document.querySelectorAll("#views a");
    this.place.replaceChildren();
  }

  show() {
    const [name, ...rest] = location.hash.slice(1).split("/").map(decoded);
    const chosen = Object.hasOwn(VIEWS, name) ? name : FIRST;
    const view = (this.made[chosen] ??= this.make(chosen));
    if (this.shown !== view) {
      this.shown?.hide();
      for (const other of Object.values(this.made)) other.element.hidden = other !== view;
      this.shown = view;
    }
    for (const link of this.links) {
      link.ariaCurrent = link.hash === `#${chosen}` ? "page" : null;
      if (link.ariaCurrent) link.scrollIntoView({ block: "nearest", inline: "center" });
    }
    health.hidden = chosen !== FIRST;
    document.title = `${view.element.querySelector("h2").textContent} · Admin · AI Video Codec Lab`;
    view.show(rest);
  }

  make(name) {
    const view = VIEWS[name].create(this.context);
    this.place.append(view.element);
    return view;
  }
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

let views = null;
addEventListener("hashchange", () => views?.show());
// What follows # names a view here.
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});
begin();
