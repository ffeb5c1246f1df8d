// Numbers and times as people read them.

export function usd(amount) {
  if (amount === null || amount === undefined) return "unknown";
  return `${amount.toFixed(amount !== 0 && Math.abs(amount) < 0.1 ? 4 : 2)} USD`;
}

// A length of time in the largest two units that matter.
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
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
