// Signs people in with Amazon Cognito: authorization code with PKCE (RFC 7636). Tokens stay in this page's memory.

const ROUND_TRIP = "sign-in"; // what has to outlive the way to Cognito's page and back
const SIGNED_IN = "signed-in"; // so that a reload signs in again, which Cognito's own session makes a matter of a moment
const RENEW_BEFORE_MS = 30_000;

export class Session {
  constructor(config, tokens, onEnd) {
    this.config = config;
    this.onEnd = onEnd;
    this.keep(tokens);
  }

  // Returns an access token that is good for a while.
  async token() {
    if (Date.now() > this.expiresAt - RENEW_BEFORE_MS) await this.renew();
    return this.access;
  }

  // One renewal serves all requests that wait for it.
  renew() {
    this.renewal ??= this.refresh().finally(() => (this.renewal = null));
    return this.renewal;
  }

  async refresh() {
    try {
      this.keep(await tokensFor(this.config, { grant_type: "refresh_token", refresh_token: this.refreshToken }));
    } catch (error) {
      if (error.isRefusal) this.end();
      throw error;
    }
  }

  keep(tokens) {
    this.access = tokens.access_token;
    this.refreshToken = tokens.refresh_token ?? this.refreshToken;
    this.expiresAt = Date.now() + tokens.expires_in * 1000;
    sessionStorage.setItem(SIGNED_IN, "yes");
  }

  // Forgets the tokens, as they are good for nothing any more.
  end() {
    sessionStorage.removeItem(SIGNED_IN);
    this.onEnd();
  }

  // Makes the tokens worthless, then ends Cognito's own session, too.
  async signOut() {
    sessionStorage.removeItem(SIGNED_IN);
    const { client_id, sign_in_url } = this.config;
    await fetch(`${sign_in_url}/oauth2/revoke`, form({ token: this.refreshToken, client_id })).catch(() => {});
    location.assign(`${sign_in_url}/logout?${new URLSearchParams({ client_id, logout_uri: redirectUri() })}`);
  }
}

// Returns the session of whoever comes back from Cognito's page; null where nobody does.
export async function returning(config, onEnd) {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("code") && !answer.has("error")) return null;
  const left = JSON.parse(sessionStorage.getItem(ROUND_TRIP) ?? "{}");
  sessionStorage.removeItem(ROUND_TRIP);
  history.replaceState(null, "", location.pathname + (left.hash ?? ""));
  if (answer.has("error")) throw new SignInError(answer.get("error_description") ?? answer.get("error"));
  // A code that this page did not ask for may be somebody else's.
  if (!left.state || answer.get("state") !== left.state) throw new SignInError("This page did not ask for that sign-in");
  const grant = { grant_type: "authorization_code", code: answer.get("code"), code_verifier: left.verifier };
  return new Session(config, await tokensFor(config, { ...grant, redirect_uri: redirectUri() }), onEnd);
}

// Tells whether somebody was signed in before this page was loaded anew; only once, so that it can't go round in circles.
export function wasSignedIn() {
  const was = sessionStorage.getItem(SIGNED_IN) !== null;
  sessionStorage.removeItem(SIGNED_IN);
  return was;
}

// Leaves for Cognito's page.
export async function signIn({ client_id, sign_in_url, scope }) {
  const [verifier, state] = [random(), random()];
  sessionStorage.setItem(ROUND_TRIP, JSON.stringify({ verifier, state, hash: location.hash }));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const asked = {
    response_type: "code",
    client_id,
    redirect_uri: redirectUri(),
    scope,
    state,
    code_challenge_method: "S256",
    code_challenge: base64url(new Uint8Array(challenge)),
  };
  location.assign(`${sign_in_url}/oauth2/authorize?${new URLSearchParams(asked)}`);
}

class SignInError extends Error {
  constructor(reason, isRefusal = true) {
    super(reason);
    this.title = "You are not signed in";
    this.detail = `${reason.replace(/\.$/, "")}. Sign in again.`;
    this.isRefusal = isRefusal;
  }
}

async function tokensFor({ client_id, sign_in_url }, grant) {
  let answer;
  try {
    answer = await fetch(`${sign_in_url}/oauth2/token`, form({ client_id, ...grant }));
  } catch {
    throw new SignInError("The sign-in service does not answer", false);
  }
  if (answer.status >= 500) throw new SignInError("The sign-in service has a problem", false);
  if (!answer.ok) throw new SignInError("Your sign-in is not valid any more");
  return answer.json();
}

function form(fields) {
  return { method: "POST", body: new URLSearchParams(fields), cache: "no-store" };
}

function redirectUri() {
  return `${location.origin}/admin.html`;
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
