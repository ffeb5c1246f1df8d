// What goes on now: jobs, workers, the queue, money and errors, followed by conditional requests.

import { actionButton, element, outcome, update } from "./dom.js";
import { logOf, pageLink, stop } from "./experiment.js";
import { statusOf, table } from "./table.js";
import { ago, duration, secondsSince, short, usd } from "./text.js";

const POLL_MS = 2_000;
const LONGEST_MS = 30_000; // between attempts, while the site doesn't answer
const TICK_MS = 1_000; // ages and times left go on between answers
const FAILURES_TO_TELL = 2;
const SILENCE_TO_TELL_MS = 10_000;

export function create(context) {
  const monitor = new Monitor(context);
  return { element: monitor.element, show: () => monitor.start(), hide: () => monitor.stop() };
}

class Monitor {
  constructor({ api }) {
    this.api = api;
    this.tag = null;
    this.failures = 0;
    this.outcome = outcome();
    this.touch = element("p", { class: "lost-touch", role: "status" });
    this.tiles = element("dl", { class: "tiles", hidden: true });
    this.jobs = table("Experiments that wait or run", this.jobColumns(), (job) => job.id);
    this.workers = table("Workers", WORKER_COLUMNS, (worker) => worker.name);
    this.errors = table("Requests and errors", ERROR_COLUMNS, (rate) => rate.of);
    this.ended = element("ul", { class: "ended" });
    this.noJobs = element("p", { class: "muted", hidden: true }, "Nothing waits or runs. ", element("a", { href: "#start" }, "Start an experiment"), ".");
    this.noWorkers = element("p", { class: "muted", hidden: true }, "No worker has given a sign of life in the last minute.");
    this.element = element(
      "section",
      { "aria-labelledby": "monitor-title" },
      element("h2", { id: "monitor-title", class: "visually-hidden" }, "Monitor"),
      this.touch,
      this.tiles,
      panel("jobs-title", "Jobs", this.noJobs, this.jobs.element),
      element(
        "div",
        { class: "panels" },
        element(
          "div",
          { class: "panel-stack" },
          panel("workers-title", "Workers", this.noWorkers, this.workers.element),
          panel("errors-title", "Errors", this.errors.element),
        ),
        panel("ended-title", "Ended lately", this.ended),
      ),
      this.outcome.element,
    );
  }

  start() {
    this.running = true;
    this.poll();
    this.ticker = setInterval(() => document.hidden || this.render(), TICK_MS);
    this.onVisible = () => document.hidden || this.poll();
    document.addEventListener("visibilitychange", this.onVisible);
  }

  stop() {
    this.running = false;
    clearTimeout(this.timer);
    clearInterval(this.ticker);
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  async poll() {
    clearTimeout(this.timer);
    this.asked = Date.now();
    try {
      const changed = await this.api.getIfChanged("/monitor", this.tag);
      if (changed) [this.document, this.tag] = [changed.document, changed.tag];
      this.failures = 0;
      this.answered = new Date();
    } catch (error) {
      this.failures += 1;
      this.reason = error.message;
    }
    this.asked = null;
    if (!this.running) return;
    this.render();
    if (!document.hidden) this.timer = setTimeout(() => this.poll(), Math.min(POLL_MS * 2 ** this.failures, LONGEST_MS));
  }

  render() {
    this.tellTouch();
    if (!this.document) return;
    const { jobs, workers, errors, ended } = this.document;
    this.tiles.hidden = false;
    update(this.tiles, tilesOf(this.document));
    this.jobs.show(jobs);
    this.workers.show(workers);
    this.errors.show(errors);
    update(this.ended, ended.map(endedItem));
    this.noJobs.hidden = jobs.length > 0;
    this.noWorkers.hidden = workers.length > 0;
  }

  tellTouch() {
    const isSilent = this.asked && Date.now() - this.asked > SILENCE_TO_TELL_MS;
    const isLost = this.failures >= FAILURES_TO_TELL || isSilent;
    const reason = isSilent ? "The site does not answer" : this.reason;
    const since = this.answered ? `What you see is of ${this.answered.toLocaleTimeString()}.` : "Nothing has come yet.";
    const text = isLost ? `Lost touch with the site: ${reason}. ${since} Trying again.` : "";
    if (this.touch.textContent !== text) this.touch.textContent = text;
  }

  jobColumns() {
    return [
      { label: "Experiment", class: "wide", cell: (job) => [pageLink(job), element("small", {}, `${job.codec} · ${job.clip}`)] },
      { label: "Status", cell: (job) => statusOfJob(job) },
      { label: "Speed", class: "number", cell: (job) => speedOf(job) },
      { label: "Time left", class: "number", cell: (job) => timeLeftOf(job) },
      { label: "Worker", cell: (job) => workerOf(job) },
      { label: "Age", class: "number", cell: (job) => duration(secondsSince(job.created_at)) },
      { label: "Actions", class: "actions", cell: (job) => [this.stopButton(job), element("a", { href: logOf(job.id) }, "Log")] },
    ];
  }

  stopButton(job) {
    return actionButton(job.stop_requested ? "Stopping…" : "Stop", () => this.stopJob(job), {
      class: "button small",
      disabled: job.stop_requested,
      "aria-label": `Stop ${job.name}`,
    });
  }

  async stopJob(job) {
    this.outcome.busy(`Stopping ${job.name}…`);
    try {
      this.outcome.good(await stop(this.api, job));
    } catch (error) {
      this.outcome.bad(error);
    }
    this.poll();
  }
}

const WORKER_COLUMNS = [
  { label: "Worker", class: "wide", cell: (worker) => [worker.name, element("small", {}, worker.host)] },
  { label: "Last seen", class: "number", cell: (worker) => ago(worker.last_seen_at) },
  { label: "Build", cell: (worker) => element("code", { title: worker.build }, short(worker.build)) },
  { label: "Does", cell: (worker) => (worker.job ? element("a", { href: logOf(worker.job) }, "an experiment") : "waits") },
];

const ERROR_COLUMNS = [
  { label: "Part", class: "wide", cell: (rate) => [rate.of, element("small", {}, `last ${duration(rate.minutes * 60)}`)] },
  { label: "Requests", class: "number", cell: (rate) => (rate.requests ?? "unknown").toLocaleString("en") },
  { label: "Failed", class: "number", cell: (rate) => failed(rate) },
];

function panel(id, title, ...content) {
  return element(
    "section",
    { class: "panel", "aria-labelledby": id },
    element("div", { class: "panel-head" }, element("h3", { id }, title)),
    ...content,
  );
}

function tilesOf({ jobs, workers, queue, spend }) {
  const having = (status) => jobs.filter((job) => job.status === status).length;
  return [
    tile("Running", having("running"), "running"),
    tile("Waiting", having("queued"), "queued"),
    tile("Stalled", having("stalled"), having("stalled") ? "failed" : ""),
    tile("Workers", workers.length),
    tile("Queue", queue.waiting, "", ` + ${queue.in_work} in work`),
    tile("Dead letters", queue.dead, queue.dead ? "failed" : ""),
    spent("Spent today", spend.today_usd),
    spent("This month", spend.month_usd),
  ];
}

function spent(label, amount) {
  const [figure, unit = ""] = usd(amount).split(" ");
  return tile(label, figure, "", unit && ` ${unit}`);
}

function tile(label, value, status = "", more = "") {
  const figure = element("dd", {}, String(value), more && element("small", {}, more));
  return element("div", { class: `tile ${status && `status-${status}`}`.trim() }, element("dt", {}, label), figure);
}

function statusOfJob(job) {
  const word = statusOf(job.status);
  if (job.status === "stalled") {
    word.title = "Its worker has not been heard of for a minute. It goes on as soon as another worker takes it.";
  }
  if (job.progress === null) return word;
  const percent = Math.round(job.progress * 100);
  const bar = element("progress", { max: 100, value: percent, "aria-label": `Progress of ${job.name}` });
  return [word, bar, element("span", { class: "percent" }, `${percent} %`)];
}

function speedOf(job) {
  const seconds = secondsSince(job.started_at);
  if (!job.progress || !job.frames || !(seconds > 0) || job.status !== "running") return "–";
  return `${((job.progress * job.frames) / seconds).toFixed(1)} fps`;
}

function timeLeftOf(job) {
  const seconds = secondsSince(job.started_at);
  if (!job.progress || !(seconds > 0) || job.status !== "running") return "–";
  return duration((seconds * (1 - job.progress)) / job.progress);
}

function workerOf(job) {
  if (!job.worker) return "–";
  const attempt = job.attempt > 1 ? ` · attempt ${job.attempt}` : "";
  const heard = job.heartbeat_at ? `heard of ${ago(job.heartbeat_at)}` : "not heard of";
  return [job.worker, element("small", {}, heard + attempt)];
}

function failed({ requests, errors }) {
  if (errors === null) return "unknown";
  const share = requests ? ` (${((errors / requests) * 100).toFixed(1)} %)` : "";
  return element("span", { class: errors ? "bad" : "" }, `${errors.toLocaleString("en")}${share}`);
}

function endedItem({ id, name, status, finished_at: at }) {
  const when = element("small", {}, ago(at));
  return element("li", { "data-key": id }, statusOf(status), " ", pageLink({ id, name }), " ", when);
}
