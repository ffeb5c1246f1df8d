// Plays an experiment's video in step with its reference, and lays the two over each other with a movable split.

const comparison = document.querySelector(".comparison");
const players = comparison.querySelector(".players");
const [reference, encoded] = ["reference", "encoded"].map((key) => players.querySelector(`[data-player=${key}] video`));
const bar = comparison.querySelector(".comparison-bar");
const play = bar.querySelector("[data-play]");
const split = bar.querySelector("[data-split]");
const at = bar.querySelector("[data-at]");
// Half a frame of a clip with 25 frames a second: more than that is seen.
const IN_STEP_SECONDS = 0.02;

function follow(leader, follower) {
  leader.addEventListener("play", () => follower.paused && start(follower));
  leader.addEventListener("pause", () => {
    if (leader.ended) return;
    follower.pause();
    catchUp(leader, follower);
  });
  leader.addEventListener("ratechange", () => (follower.playbackRate = leader.playbackRate));
  leader.addEventListener("seeking", () => catchUp(leader, follower));
}

function catchUp(leader, follower) {
  if (Math.abs(follower.currentTime - leader.currentTime) > IN_STEP_SECONDS) follower.currentTime = leader.currentTime;
}

function start(video) {
  // A browser that can't play one of the two still plays the other.
  video.play().catch(() => {});
}

function showState() {
  play.textContent = encoded.paused && reference.paused ? "Play both" : "Pause both";
}

function showSplit() {
  const on = split.getAttribute("aria-pressed") === "true";
  players.classList.toggle("split", on);
  at.parentElement.hidden = !on;
  for (const video of [reference, encoded]) video.controls = !on;
  players.style.setProperty("--split", `${at.value}%`);
  at.setAttribute("aria-valuetext", `${at.value} % reference, ${100 - at.value} % encoded`);
}

follow(reference, encoded);
follow(encoded, reference);
for (const event of ["play", "pause", "ended"]) {
  for (const video of [reference, encoded]) video.addEventListener(event, showState);
}
play.addEventListener("click", () => {
  if (!encoded.paused || !reference.paused) {
    reference.pause();
    encoded.pause();
    return;
  }
  catchUp(reference, encoded);
  start(reference);
  start(encoded);
});
split.addEventListener("click", () => {
  split.setAttribute("aria-pressed", String(split.getAttribute("aria-pressed") !== "true"));
  showSplit();
});
at.addEventListener("input", showSplit);
showSplit();
bar.hidden = false;
