// The chat with a language model about the experiments; what it proposes happens only if one confirms it.

import { newKey } from "./api.js";
import { confirmed, element, outcome, update } from "./dom.js";
import { proposalCard } from "./proposal.js";
import { prose } from "./prose.js";
import { counted, usd } from "./text.js";

const LONGEST_QUESTION = 4_000; // characters, as the API has it
const ASK_AGAIN_MS = 2_000; // while another tab's request is at the next step
const NEARLY_AT_END = 80; // px
const INVALID = [400, 413, 422]; // the question itself is at fault

const NO_USAGE = { input_tokens: 0, output_tokens: 0, usd: 0 };
const SPEAKERS = { user: "You", assistant: "Model" };

export function create(context) {
  const chat = new Chat(context);
  return { element: chat.element, show: ([id]) => chat.show(id), hide: () => chat.hide() };
}

class Chat {
  constructor({ api, navigate }) {
    this.api = api;
    this.navigate = navigate;
    this.turn = 0; // grows with each conversation and each question, so that what was begun before ends
    this.fresh = null; // the id of a conversation in which nothing is asked yet
    this.build();
  }

  build() {
    this.list = element("ul", { class: "chat-list" });
    this.messages = element("div", { class: "chat-messages", role: "log", tabIndex: 0, "aria-label": "Messages" });
    this.off = element("p", { class: "notice chat-off", hidden: true });
    this.spend = element("p", { class: "chat-spend muted" });
    this.spendBar = element("progress", { class: "chat-spend-bar", "aria-label": "Spent of the month's limit" });
    this.element = element(
      "section",
      { class: "panel chat", "aria-labelledby": "chat-heading" },
      this.head(),
      this.off,
      element(
        "div",
        { class: "chat-columns" },
        element("nav", { class: "chat-conversations", "aria-label": "Conversations" }, this.list),
        element("div", { class: "chat-main" }, this.messages, this.progress(), this.form()),
      ),
      this.spend,
      this.spendBar,
    );
  }

  head() {
    const heading = element("h2", { id: "chat-heading" }, "Chat");
    return element("div", { class: "panel-head" }, heading, button("New conversation", () => this.startNew()));
  }

  progress() {
    this.working = element("p", { class: "chat-working", role: "status" });
    this.stop = button("Stop waiting", () => this.stopWaiting());
    this.failure = outcome();
    this.again = button("Try again", () => this.retry());
    const parts = [this.working, this.stop, this.failure.element, this.again];
    return element("div", { class: "chat-progress" }, ...parts);
  }

  form() {
    const limits = { rows: 3, maxLength: LONGEST_QUESTION, required: true };
    this.input = element("textarea", { ...limits, "aria-describedby": "chat-hint" });
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.questionForm.requestSubmit();
    });
    this.sendButton = element("button", { class: "button primary" }, "Send");
    this.questionForm = element(
      "form",
      { class: "chat-form", hidden: true, onsubmit: (event) => this.ask(event) },
      element("label", {}, "Your message", this.input),
      element("span", { class: "muted", id: "chat-hint" }, "Enter sends, Shift+Enter begins a new line."),
      this.sendButton,
    );
    return this.questionForm;
  }

  // Conversations

  show(id) {
    this.opened = this.lookUp(id);
    return this.opened;
  }

  // Returns whether questions go to that conversation from now on.
  async lookUp(id) {
    const turn = (this.turn += 1);
    this.idle();
    try {
      const overview = await this.api.get("/chat");
      if (turn !== this.turn) return false;
      await this.open(id ?? overview.conversation ?? newKey(), overview, turn);
    } catch (error) {
      if (turn === this.turn) this.fail(error, () => this.show(id));
      return false;
    }
    return true;
  }

  hide() {
    this.turn += 1;
    this.idle();
  }

  async open(id, overview, turn) {
    const isNew = id === this.fresh || !overview.conversations.length;
    this.id = id;
    this.showOverview(overview);
    const found = isNew ? { messages: [], state: "done" } : await this.load(id);
    if (turn !== this.turn) return;
    this.begin(found.messages);
    if (isNew) this.input.focus();
    if (found.state === "working" && overview.enabled) this.run(() => this.goOn());
  }

  async load(id) {
    try {
      return await this.api.get(`/chat/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error.status === 404) return { messages: [], state: "done" };
      throw error;
    }
  }

  // Shows what was said before, which screen readers need not say.
  begin(messages) {
    this.messages.setAttribute("aria-live", "off");
    this.messages.replaceChildren();
    this.last = 0;
    this.isBehind = false;
    this.used = { ...NO_USAGE };
    this.add(messages);
    this.messages.scrollTop = this.messages.scrollHeight;
    setTimeout(() => this.messages.removeAttribute("aria-live"));
    if (!messages.length) this.messages.append(this.welcome());
  }

  welcome() {
    const text = "Ask about the experiments: which codec does best, what one has cost, why one has failed. ";
    const manners = "The model may also propose to start, stop or re-run one, which happens only if you confirm it.";
    return element("p", { class: "chat-welcome muted" }, text, manners);
  }

  startNew() {
    this.fresh = newKey();
    this.navigate(`#chat/${this.fresh}`);
  }

  async refresh() {
    const turn = this.turn;
    try {
      const overview = await this.api.get("/chat");
      if (turn === this.turn) this.showOverview(overview);
    } catch (error) {
      if (turn === this.turn) this.fail(error, () => this.refresh());
    }
  }

  showOverview({ enabled, why_not: whyNot, spend, conversations, model }) {
    this.off.hidden = enabled;
    this.off.textContent = enabled ? "" : `The chat is not available. ${whyNot ?? ""}`;
    this.questionForm.hidden = !enabled;
    this.model = model;
    this.showSpend(spend);
    update(this.list, conversations.map((each) => this.entry(each)));
  }

  entry({ id, title, updated_at: at }) {
    const link = element(
      "a",
      { href: `#chat/${encodeURIComponent(id)}`, "aria-current": id === this.id && "true" },
      element("span", { class: "chat-title" }, title || "Without a title"),
      element("small", {}, new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })),
    );
    const remove = button("×", () => this.delete(id, title), `Delete “${title}”`);
    return element("li", { "data-key": id }, link, remove);
  }

  async delete(id, title) {
    const question = `Delete “${title}” for good? What has been started in it goes on.`;
    if (!(await confirmed(question, "Delete"))) return;
    try {
      await this.api.send("DELETE", `/chat/${encodeURIComponent(id)}`);
    } catch (error) {
      this.fail(error, () => this.delete(id, title));
      return;
    }
    if (id !== this.id) this.refresh();
    else if (location.hash === "#chat") this.show();
    else this.navigate("#chat");
  }

  showSpend({ month_usd: spent, limit_usd: limit }) {
    this.month = `${usd(spent)} of ${usd(limit)} spent this month, by all users`;
    this.spendBar.max = limit || 1;
    this.spendBar.value = Math.min(spent, limit);
    this.tellSpend();
  }

  tellSpend() {
    const { input_tokens: sent, output_tokens: got, usd: cost } = this.used ?? NO_USAGE;
    const last = sent && `last answer: ${counted(sent, "token")} in, ${counted(got, "token")} out, ${usd(cost)}`;
    this.spend.textContent = [this.model, this.month, last].filter(Boolean).join(" · ");
  }

  // Questions and answers

  async ask(event) {
    event.preventDefault();
    // A quick hand asks before the conversation is there.
    if (!(await this.opened)) return;
    const text = this.input.value.trim();
    if (!text || !this.stop.hidden || this.questionForm.hidden) return;
    this.input.value = "";
    this.fresh = null;
    this.used = { ...NO_USAGE };
    this.messages.querySelector(".chat-welcome")?.remove();
    this.pending?.remove();
    this.pending = spoken({ role: "user", text, at: new Date().toISOString() });
    this.messages.append(this.pending);
    this.messages.scrollTop = this.messages.scrollHeight;
    const key = newKey();
    await this.run(() => this.api.send("POST", `${this.path}/messages`, { text }, key));
    if (INVALID.includes(this.failedWith)) this.takeBack(text);
  }

  // What can't be asked like this is there to be changed.
  takeBack(text) {
    this.pending?.remove();
    this.again.hidden = true;
    this.input.value = text;
    this.input.focus();
  }

  get path() {
    return `/chat/${encodeURIComponent(this.id)}`;
  }

  goOn() {
    return this.api.send("POST", `${this.path}/continue`, { after: this.last });
  }

  // Takes step after step until the model has answered. With the same key or number, a request may be repeated: what
  // came of the first one is returned.
  async run(request) {
    const turn = (this.turn += 1);
    this.failedWith = null;
    this.work();
    try {
      for (this.request = request; ; this.request = () => this.goOn()) {
        const step = await this.request();
        if (turn !== this.turn) return;
        this.add(step.messages);
        this.countUsage(step.usage);
        if (step.state === "done") break;
        if (!step.messages.length) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
        if (turn !== this.turn) return;
      }
    } catch (error) {
      if (turn === this.turn) this.interrupted(error);
      return;
    }
    this.idle();
    if (this.isBehind) this.show(this.id);
    else this.refresh();
  }

  interrupted(error) {
    this.isBehind = true;
    this.fail(error, () => this.run(this.request));
    // Perhaps the month's limit is reached.
    if (error.status === 409) this.refresh();
  }

  // The step that is under way is finished all the same, which is why there may be more than is shown.
  stopWaiting() {
    this.turn += 1;
    this.isBehind = true;
    this.idle();
    this.failure.good("No longer waiting; the model may still be at it.");
    this.offer("Go on", () => this.run(this.request));
    this.again.focus();
  }

  countUsage(usage) {
    for (const each of Object.keys(NO_USAGE)) this.used[each] += usage[each];
    this.tellSpend();
  }

  add(messages) {
    const { scrollTop, clientHeight, scrollHeight } = this.messages;
    const wasAtEnd = scrollTop + clientHeight > scrollHeight - NEARLY_AT_END;
    const fresh = messages.filter((message) => message.number > this.last);
    if (!fresh.length) return;
    this.pending?.remove();
    this.pending = null;
    for (const message of fresh) this.messages.append(...this.shown(message));
    this.last = fresh.at(-1).number;
    if (wasAtEnd) this.messages.scrollTop = this.messages.scrollHeight;
  }

  shown(message) {
    const said = message.role === "tool" ? used(message) : spoken(message);
    return [said, ...(message.proposals ?? []).map((each) => proposalCard(each, this.decider(each.id)))];
  }

  decider(proposal) {
    const path = `${this.path}/proposals/${encodeURIComponent(proposal)}`;
    return (decision) => this.api.send("POST", path, { decision });
  }

  // What the page says of it

  work() {
    this.idle();
    this.working.append(element("span", { class: "status status-running" }, "The model is at work…"));
    this.stop.hidden = false;
    this.sendButton.setAttribute("aria-disabled", "true");
  }

  idle() {
    this.working.replaceChildren();
    this.stop.hidden = true;
    this.sendButton.removeAttribute("aria-disabled");
    this.failure.clear();
    this.again.hidden = true;
  }

  fail(error, retry) {
    this.idle();
    this.failedWith = error.status;
    this.failure.bad(error);
    this.offer("Try again", retry);
  }

  offer(label, retry) {
    this.again.textContent = label;
    this.again.hidden = false;
    this.retry = retry;
  }
}

function spoken({ role, text, at }) {
  const time = element("time", { datetime: at }, new Date(at).toLocaleTimeString([], { timeStyle: "short" }));
  const who = element("p", { class: "chat-who" }, element("strong", {}, SPEAKERS[role] ?? role), " ", time);
  return element("article", { class: `chat-message chat-${role}` }, who, ...prose(text));
}

function used({ tool, text }) {
  const summary = element("summary", {}, "Used ", element("code", {}, tool ?? "a tool"));
  return element("details", { class: "chat-tool" }, summary, element("p", {}, text || "Without arguments."));
}

function button(text, onclick, label) {
  return element("button", { type: "button", class: "button", "aria-label": label, title: label, onclick }, text);
}
