// The log viewer: follows an experiment's log line by line, and finds, filters, copies, saves and links to its lines.

import { actionButton, adviceOf, element, outcome } from "./dom.js";
import { logOf, pageLink, pathOf } from "./experiment.js";
import { LineList, idOf } from "./log_lines.js";
import { statusOf } from "./table.js";
import { counted } from "./text.js";

const ASK_EVERY_MS = 2_000;
const LONGEST_WAIT_MS = 60_000; // between attempts, while the site doesn't answer
const MOST_LINES = 5_000; // that the API gives at once
const MORE_ARE_LIKELY = 1_000; // lines in an answer; the API gives fewer than it is asked for where they are long
const TASK_MS = 12; // of work at a stretch, so that the page stays smooth

const GRAVITY = { fatal: 3, error: 3, warning: 2, info: 1, verbose: 0, debug: 0, trace: 0 };
const LEVELS = [
  [0, "All levels"],
  [1, "Info and graver"],
  [2, "Warnings and errors"],
  [3, "Errors only"],
];

export function create(context) {
  const viewer = new LogViewer(context);
  return { element: viewer.element, show: (rest) => viewer.show(...rest), hide: () => viewer.hide() };
}

class LogViewer {
  constructor({ api }) {
    this.api = api;
    this.turn = 0; // grows with each log that is shown, so that what was begun for another one ends
    this.list = new LineList({
      label: "Log lines",
      linkTo: (line) => `${logOf(this.id)}/${line}`,
      onScroll: () => this.tellPlace(),
    });
    this.said = outcome();
    this.build();
    document.addEventListener("visibilitychange", () => this.wake?.());
  }

  build() {
    this.about = element("p", { class: "log-about" });
    this.none = element(
      "p",
      { class: "log-none" },
      "Choose an experiment from the ",
      element("a", { href: "#experiments" }, "list of experiments"),
      " to read its log.",
    );
    this.body = element("div", { class: "log-body" }, this.tools(), this.said.element, this.list.element, this.foot());
    this.element = element(
      "section",
      { class: "panel log", "aria-labelledby": "log-heading" },
      element("div", { class: "panel-head" }, element("h2", { id: "log-heading" }, "Log"), this.about),
      this.none,
      this.body,
    );
  }

  tools() {
    this.search = element("input", { type: "search", autocomplete: "off", oninput: () => this.seek() });
    this.search.addEventListener("keydown", ({ key, shiftKey }) => key === "Enter" && this.toMatch(shiftKey ? -1 : 1));
    const choices = LEVELS.map(([value, name]) => element("option", { value }, name));
    this.level = element("select", { onchange: () => this.filter() }, ...choices);
    this.count = element("span", { class: "log-count", role: "status" });
    this.pauseButton = button("Pause", () => this.pause(!this.paused));
    return element(
      "div",
      { class: "filters log-tools" },
      element("label", { class: "filter-text" }, "Search", this.search),
      element(
        "div",
        { class: "log-matches" },
        button("↑", () => this.toMatch(-1), "Previous match"),
        button("↓", () => this.toMatch(1), "Next match"),
        this.count,
      ),
      element("label", {}, "Level", this.level),
      this.pauseButton,
      actionButton("Copy", () => this.copy()),
      actionButton("Download", () => this.download()),
    );
  }

  foot() {
    this.state = element("span", { class: "log-state" });
    this.newest = button("↓ Newest", () => this.toNewest());
    return element("div", { class: "log-foot" }, this.state, this.newest);
  }

  show(id, line) {
    this.none.hidden = Boolean(id);
    this.body.hidden = !id;
    if (id && id !== this.id) this.begin(id);
    else if (!id) this.forget();
    else if (!this.ended && !this.asking) this.follow();
    if (line) this.link(line);
  }

  hide() {
    this.turn += 1;
    this.asking = false;
    this.wake?.();
  }

  forget() {
    this.hide();
    this.id = null;
    this.about.replaceChildren();
  }

  begin(id) {
    this.hide();
    this.id = id;
    this.lines = [];
    this.after = null;
    this.ended = false;
    this.experiment = null;
    this.target = null;
    this.list.clear();
    this.search.value = "";
    this.level.value = "0";
    this.refilter();
    this.pause(false, false);
    this.said.clear();
    this.tellAbout();
    this.follow();
  }

  // Asks for what is new until the log is complete.
  async follow() {
    const turn = this.turn;
    this.asking = true;
    this.identify(turn);
    let failures = 0;
    while (turn === this.turn && !this.ended && !this.paused) {
      try {
        const isFull = await this.take(turn);
        if (failures) this.said.clear();
        failures = 0;
        if (isFull) continue;
        // Its status may have changed with what was printed.
        await this.identify(turn);
        if (this.ended) continue;
      } catch (error) {
        if (turn !== this.turn) return;
        failures += 1;
        if (this.isFinal(error)) return;
      }
      await this.wait(Math.min(ASK_EVERY_MS * 2 ** failures, LONGEST_WAIT_MS));
    }
    if (turn === this.turn) this.asking = false;
  }

  // True where more lines wait already.
  async take(turn) {
    const from = this.after ? `&after=${this.after}` : "";
    const path = `${pathOf(this.id)}/log?limit=${MOST_LINES}${from}`;
    const piece = await this.api.get(path);
    if (turn !== this.turn) return false;
    for (const line of piece.lines) this.lines.push(line);
    this.after = piece.after;
    this.ended = piece.complete;
    this.work();
    return !piece.complete && piece.lines.length >= MORE_ARE_LIKELY;
  }

  isFinal(error) {
    const isGone = error.status >= 400 && error.status < 500 && error.status !== 429;
    this.said.bad(isGone ? error : { title: adviceOf(error), detail: "It is tried again." });
    if (isGone) this.asking = false;
    return isGone;
  }

  // What the log is about; without it, the log can be read all the same.
  async identify(turn) {
    const path = `/api${pathOf(this.id)}`;
    const answer = await fetch(path, { cache: "no-cache" }).catch(() => null);
    if (!answer?.ok || turn !== this.turn) return;
    const experiment = await answer.json();
    if (turn !== this.turn) return;
    this.experiment = experiment;
    this.tellAbout();
  }

  // Waits, at least as long as nobody looks.
  async wait(ms) {
    await new Promise((resolve) => {
      const timer = setTimeout(() => document.hidden || resolve(), ms);
      this.wake = () => {
        if (document.hidden && this.asking) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
  }

  pause(paused, goOn = true) {
    this.paused = paused;
    this.pauseButton.textContent = paused ? "Go on" : "Pause";
    if (paused) {
      this.hide();
      this.list.following = false;
    } else if (goOn) {
      this.toNewest();
      if (!this.ended) this.follow();
    }
    this.tellPlace();
  }

  toNewest() {
    if (this.paused) return this.pause(false);
    this.list.toEnd();
    this.tellPlace();
  }

  // Filter and search: both go through the lines in small tasks, and go on where they were when lines come.

  filter() {
    this.refilter();
    this.work();
  }

  refilter() {
    this.filtered = 0;
    this.attempt = null;
    this.list.reset();
    this.seek();
  }

  seek() {
    this.list.sought = this.search.value.toLowerCase();
    this.list.current = null;
    this.searched = 0;
    this.matches = [];
    this.list.redraw();
    this.work();
  }

  async work() {
    if (this.working) return;
    this.working = true;
    while (this.filtered < this.lines.length || this.searched < this.list.rows.length) {
      const until = performance.now() + TASK_MS;
      while (this.filtered < this.lines.length && performance.now() < until) this.filterSome();
      this.list.grown();
      while (this.searched < this.list.rows.length && performance.now() < until) this.searchSome();
      this.tellPlace();
      await taskEnd();
    }
    this.working = false;
    this.reachTarget();
    this.tellPlace();
  }

  filterSome() {
    const least = Number(this.level.value);
    const end = Math.min(this.filtered + 500, this.lines.length);
    for (; this.filtered < end; this.filtered += 1) {
      const line = this.lines[this.filtered];
      if ((GRAVITY[line.level] ?? 1) < least) continue;
      if (line.attempt !== this.attempt) this.list.add({ heading: `Attempt ${line.attempt}`, attempt: line.attempt });
      this.attempt = line.attempt;
      this.list.add(line);
    }
  }

  searchSome() {
    const { rows, sought } = this.list;
    const end = sought ? Math.min(this.searched + 500, rows.length) : rows.length;
    if (sought) {
      for (let place = this.searched; place < end; place += 1) {
        if (rows[place].text?.toLowerCase().includes(sought)) this.matches.push(place);
      }
    }
    this.searched = end;
  }

  toMatch(by) {
    if (!this.matches.length) return;
    const from = this.list.current ?? (by > 0 ? this.list.firstInView - 1 : this.list.firstInView);
    const next = by > 0 ? this.matches.find((place) => place > from) : this.matches.findLast((place) => place < from);
    this.list.current = next ?? this.matches.at(by > 0 ? 0 : -1);
    this.list.goTo(this.list.current);
    this.list.redraw();
    this.tellPlace();
  }

  // Leads to a line once it is there.
  link(line) {
    this.target = line;
    this.list.linked = line;
    this.list.following = false;
    if (Number(this.level.value) > 0) {
      this.level.value = "0";
      this.refilter();
    }
    this.list.redraw();
    this.reachTarget();
  }

  reachTarget() {
    if (!this.target || this.working) return;
    const place = this.list.rows.findIndex((row) => !row.heading && idOf(row) === this.target);
    if (place >= 0) this.list.goTo(place);
    else if (!this.ended) return;
    else this.said.bad({ title: `There is no line ${this.target}`, detail: "Logs are kept for 30 days." });
    this.target = null;
  }

  // What the page says of it.

  tellAbout() {
    this.about.replaceChildren(
      pageLink({ id: this.id, name: this.experiment?.name }),
      this.experiment ? statusOf(this.experiment.status) : "",
    );
  }

  tellPlace() {
    if (!this.lines) return;
    this.newest.hidden = this.list.following && !this.paused;
    this.pauseButton.hidden = this.ended && !this.paused;
    set(this.state, `${counted(this.lines.length, "line")} · ${this.progress()}`);
    set(this.count, this.list.sought ? this.matchCount() : "");
  }

  progress() {
    if (this.paused) return "paused";
    if (this.ended) return this.lines.length ? "complete" : "nothing was printed, or it has expired";
    return this.list.following ? "following the newest" : "waiting for more";
  }

  matchCount() {
    const at = this.matches.indexOf(this.list.current);
    const all = counted(this.matches.length, "match", "matches");
    return at < 0 ? all : `${at + 1} of ${all}`;
  }

  // Away from here.

  async copy() {
    const count = this.list.rows.filter((row) => !row.heading).length;
    try {
      // As a promise: browsers allow it only at once after the press, and the text takes a while.
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": this.text(this.list.rows) })]);
      this.said.good(`Copied ${counted(count, "line")}.`);
    } catch {
      this.said.bad({ title: "The browser does not let the page copy", detail: "Download the log instead." });
    }
  }

  async download() {
    const url = URL.createObjectURL(await this.text(this.lines));
    element("a", { href: url, download: `${this.id}.log.txt` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    this.said.good(`Saved ${counted(this.lines.length, "line")} as ${this.id}.log.txt.`);
  }

  async text(rows) {
    const parts = [];
    for (let from = 0; from < rows.length; from += 2_000) {
      parts.push(rows.slice(from, from + 2_000).map(asText).join(""));
      await taskEnd();
    }
    return new Blob(parts, { type: "text/plain" });
  }
}

function button(text, onclick, label) {
  return element("button", { type: "button", class: "button", "aria-label": label, title: label, onclick }, text);
}

function asText(row) {
  if (row.heading) return `— ${row.heading} —\n`;
  return `${idOf(row)}\t${row.at ?? ""}\t${row.level}\t${row.source}\t${row.text}\n`;
}

// Lets the browser draw and take input.
function taskEnd() {
  return globalThis.scheduler?.yield ? scheduler.yield() : new Promise((resolve) => setTimeout(resolve));
}

// Screen readers say it again each time it is set.
function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
