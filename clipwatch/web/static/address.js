// What the page shows stands in its address: #q=...&sort=...&image=...

export const here = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

export function address(change) {
  const next = { ...here(), ...change };
  for (const name of Object.keys(next)) if (!next[name]) delete next[name];
  return `#${new URLSearchParams(next)}`;
}

export function go(change, { replace = false } = {}) {
  const next = address(change);
  if (replace) location.replace(next);
  else location.hash = next;
}
