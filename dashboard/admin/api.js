// Calls the admin API: with the access token, with JSON both ways, and with errors that say what to do next.

const GIVE_UP_AFTER_MS = 30_000; // API Gateway itself gives up after 29 seconds

export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.title || `The site answered with ${status}`);
    this.status = status;
    this.title = this.message;
    this.detail = problem.detail || "";
    this.problems = problem.problems || [];
    this.presentStatus = problem.present_status ?? null;
    this.retryAfter = retryAfter;
  }
}

export class Api {
  constructor(root, session) {
    this.root = root;
    this.session = session;
  }

  async get(path) {
    return (await this.request("GET", path)).json();
  }

  // Asks whether something has changed since it was read with this tag: null where it hasn't.
  async getIfChanged(path, tag) {
    const answer = await this.request("GET", path, { headers: tag ? { "If-None-Match": tag } : {} });
    return answer.status === 304 ? null : { document: await answer.json(), tag: answer.headers.get("ETag") };
  }

  // `key` makes a request repeatable: with the same one, what is there already is not made again.
  async send(method, path, document, key) {
    const headers = key ? { "Idempotency-Key": key } : {};
    if (document !== undefined) headers["Content-Type"] = "application/json";
    const answer = await this.request(method, path, { headers, body: document && JSON.stringify(document) });
    return answer.status === 204 ? null : answer.json();
  }

  async request(method, path, { headers = {}, body } = {}) {
    let answer = await this.fetch(method, path, headers, body);
    if (answer.status === 401) {
      await this.session.renew();
      answer = await this.fetch(method, path, headers, body);
    }
    if (answer.ok || answer.status === 304) return answer;
    if (answer.status === 401) this.session.end();
    throw new ApiError(answer.status, await problemOf(answer), Number(answer.headers.get("Retry-After")) || 0);
  }

  async fetch(method, path, headers, body) {
    const token = await this.session.token();
    try {
      return await fetch(this.root + path, {
        method,
        body,
        cache: "no-store",
        headers: { ...headers, Authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
      });
    } catch (error) {
      throw new ApiError(0, noAnswer(error), 0);
    }
  }
}

// A new key for an action; the same one repeats it.
export function newKey() {
  return crypto.randomUUID();
}

function noAnswer(error) {
  const reason = error.name === "TimeoutError" ? "It took longer than 30 seconds." : "The connection failed.";
  return { title: "The site does not answer", detail: `${reason} Try again in a moment.` };
}

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return problem.title ? problem : { detail: problem.message };
  } catch {
    return {};
  }
}
