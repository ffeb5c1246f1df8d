// A list of log lines of which only those in view are in the document, so that 100,000 of them scroll like ten.

import { element } from "./dom.js";

const LINE_HEIGHT = 20; // px, as .log-line has in admin.css
const SPARE_LINES = 10; // above and below those in view, so that a turn of the wheel shows no gap

// Rows are lines, or headings: { heading, attempt }.
export class LineList {
  constructor({ label, linkTo, onScroll }) {
    this.linkTo = linkTo;
    this.onScroll = onScroll;
    this.drawn = new Map();
    this.sizer = element("div", { class: "log-sizer" });
    this.element = element("div", { class: "log-lines", tabIndex: 0, role: "region", "aria-label": label }, this.sizer);
    this.element.addEventListener("scroll", () => this.scrolled());
    this.element.addEventListener("keydown", (event) => this.step(event));
    // Its height is known only once it is shown, and changes with the window's.
    new ResizeObserver(() => (this.following ? this.toEnd() : this.draw())).observe(this.element);
    this.clear();
  }

  clear() {
    this.rows = [];
    this.longest = 0;
    this.following = true;
    this.sought = "";
    this.current = null;
    this.linked = null;
    this.redraw();
  }

  // Other rows than before, of the same log: what is drawn is drawn anew.
  reset() {
    this.rows = [];
    this.longest = 0;
    this.redraw();
  }

  add(row) {
    this.rows.push(row);
    if (row.text?.length > this.longest) this.longest = row.text.length;
  }

  // Shows what was added.
  grown() {
    this.sizer.style.height = `${this.rows.length * LINE_HEIGHT}px`;
    this.sizer.style.minWidth = `${this.longest + 60}ch`;
    if (this.following) this.toEnd();
    else this.draw();
  }

  toEnd() {
    this.following = true;
    this.element.scrollTop = this.rows.length * LINE_HEIGHT;
    this.draw();
  }

  // Brings a row to the middle.
  goTo(place) {
    this.element.scrollTop = (place + 0.5) * LINE_HEIGHT - this.element.clientHeight / 2;
    this.scrolled();
  }

  get firstInView() {
    return Math.ceil(this.element.scrollTop / LINE_HEIGHT);
  }

  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    this.following = scrollTop + clientHeight >= scrollHeight - LINE_HEIGHT;
    this.draw();
    this.onScroll();
  }

  redraw() {
    for (const place of [...this.drawn.keys()]) this.erase(place);
    this.grown();
  }

  draw() {
    const first = Math.max(Math.floor(this.element.scrollTop / LINE_HEIGHT) - SPARE_LINES, 0);
    const inView = Math.ceil(this.element.clientHeight / LINE_HEIGHT);
    const end = Math.min(first + inView + 2 * SPARE_LINES, this.rows.length);
    for (const place of [...this.drawn.keys()]) if (place < first || place >= end) this.erase(place);
    // Backwards, as each is put before the one that follows it.
    for (let place = end - 1; place >= first; place -= 1) if (!this.drawn.has(place)) this.drawOne(place);
    this.offerOneLink();
  }

  drawOne(place) {
    const row = this.rows[place];
    const drawn = row.heading ? headingOf(row) : this.lineOf(row, place);
    drawn.style.top = `${place * LINE_HEIGHT}px`;
    this.drawn.set(place, drawn);
    this.sizer.insertBefore(drawn, this.drawn.get(place + 1) ?? null);
  }

  lineOf(line, place) {
    const id = idOf(line);
    const marks = [place === this.current && "is-found", id === this.linked && "is-linked"].filter(Boolean).join(" ");
    const number = element(
      "a",
      { class: "log-number", href: this.linkTo(id), "data-place": place, "aria-current": id === this.linked && "true" },
      String(line.number),
    );
    return element(
      "div",
      { class: `log-line level-${line.level} ${marks}`, "data-line": id },
      number,
      element("time", { class: "log-time", datetime: line.at }, line.at ? line.at.slice(11, 19) : ""),
      element("span", { class: "log-level" }, line.level),
      element("span", { class: "log-source", title: line.source }, line.source),
      element("span", { class: "log-text" }, ...marked(line.text, this.sought)),
    );
  }

  erase(place) {
    const drawn = this.drawn.get(place);
    const hadFocus = drawn.contains(document.activeElement);
    drawn.remove();
    this.drawn.delete(place);
    if (hadFocus) this.element.focus({ preventScroll: true });
  }

  // The Tab key comes to one line's link only; the arrow keys lead from there to the others.
  offerOneLink() {
    const focused = document.activeElement?.dataset.place;
    const links = [...this.sizer.querySelectorAll(".log-number")];
    const offered = links.find((link) => link.dataset.place === focused);
    const first = links.find((link) => Number(link.dataset.place) >= this.firstInView);
    for (const link of links) link.tabIndex = link === (offered ?? first) ? 0 : -1;
  }

  step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = Number(event.target.dataset.place);
    if (!by || !event.target.matches(".log-number")) return;
    event.preventDefault();
    let place = from + by;
    if (this.rows[place]?.heading) place += by;
    if (!this.rows[place]) return;
    if (place <= this.firstInView || (place + 2) * LINE_HEIGHT > this.element.scrollTop + this.element.clientHeight) {
      this.element.scrollTop += by * LINE_HEIGHT;
      this.draw();
    }
    this.drawn.get(place)?.querySelector(".log-number").focus();
    this.offerOneLink();
  }
}

// By it a line is linked to: its attempt and its number.
export function idOf(line) {
  return `${line.attempt}-${line.number}`;
}

function headingOf({ heading }) {
  return element("div", { class: "log-line log-attempt" }, element("strong", {}, heading));
}

// The text, with what is sought marked; without regard to capitals.
function marked(text, sought) {
  if (!sought) return [text];
  const parts = [];
  const lower = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(sought); at >= 0; at = lower.indexOf(sought, from)) {
    parts.push(text.slice(from, at), element("mark", {}, text.slice(at, at + sought.length)));
    from = at + sought.length;
  }
  return [...parts, text.slice(from)];
}
