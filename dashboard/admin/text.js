// Numbers and times as people read them.

export function usd(amount) {
  if (amount === null || amount === undefined) return "unknown";
  return `${amount.toFixed(amount !== 0 && Math.abs(amount) < 0.1 ? 4 : 2)} USD`;
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

// A length of time in the largest two units that matter.
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const largest = UNITS.findIndex(([, size]) => whole >= size);
  if (largest < 0) return "0 s";
  let rest = whole;
  const parts = UNITS.slice(largest, largest + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count > 0 && `${count} ${unit}`;
  });
  return parts.filter(Boolean).join(" ");
}

export function secondsSince(time) {
  return (Date.now() - Date.parse(time)) / 1000;
}

export function ago(time) {
  return time ? `${duration(secondsSince(time))} ago` : "unknown";
}

export function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function short(build) {
  return build ? build.slice(0, 8) : "unknown";
}
