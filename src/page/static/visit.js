// What the page knows: the visit, its photos, and how they are looked at.
export const visit = {};
export const photos = new Map();
export const view = { threshold: 0.5, heat: true, outlines: true, sort: "worst", filter: "all", search: "" };
let version = 0;

export async function begin() {
  Object.assign(visit, await ask("/api/visit"));
  view.threshold = visit.threshold;
}

// Fetches what has changed, and returns the numbers of the photos concerned.
export async function refresh() {
  const found = await ask(`/api/photos?since=${version}`);
  version = found.version;
  for (const photo of found.photos)
    if (photo.state === "removed") photos.delete(photo.number);
    else photos.set(photo.number, photo);
  return found.photos.map(photo => photo.number);
}

export async function ask(path, options = {}) {
  const headers = { "x-visit-token": visit.token ?? "", ...options.headers };
  const response = await fetch(path, { ...options, headers });
  if (response.ok) return response.headers.get("content-length") === "4" ? null : response.json();
  const told = await response.json().catch(() => ({}));
  const detail = typeof told.detail === "string" ? told.detail : `the server answered ${response.status}`;
  throw Object.assign(new Error(detail), { status: response.status });
}

export const send = (method, path, content) => ask(path, {
  method, body: JSON.stringify(content), headers: { "content-type": "application/json" } });

// A picture of a photo. The browser keeps it, and another visit has other photos of the same numbers.
export const pictureOf = (number, kind) => `/api/photos/${number}/${kind}?visit=${visit.name}`;
// What an address of results ends with: the visit, and the threshold unless it is the model's own.
export const ofVisit = () => `?visit=${visit.name}${ownThreshold() ? "" : `&threshold=${view.threshold}`}`;
export const shownThreshold = () => view.threshold < 0.1 ? percent(view.threshold)
  : `${Number((100 * view.threshold).toFixed(1))} %`;
export const ownThreshold = () => view.threshold === visit.threshold;

const key = box => box.join(",");
export const boxOf = one => [one.x, one.y, one.x + one.width, one.y + one.height];
export const wholeOf = record => [0, 0, record.width, record.height];

// The verdict on a photo at the chosen threshold and after the corrections. The report is made in the
// same way: see src/photos/review.py.
export function judged(photo) {
  const { record } = photo, marks = new Map(photo.corrections.map(one => [key(boxOf(one)), one]));
  let cracked = ownThreshold() ? record.cracked : record.probability >= view.threshold;
  const confirmed = region => marks.get(key(region.box))?.cracked ?? false;
  const likely = region => ownThreshold() || (record.judged_by === "rule" ? cracked : region.probability >= view.threshold);
  const regions = record.regions.filter(region => confirmed(region) || likely(region));
  const kept = regions.filter(region => marks.get(key(region.box))?.cracked ?? true);
  const missed = photo.corrections.filter(one => one.label === "crack missed");
  const about = marks.get(key(wholeOf(record)));
  const whole = about?.label === "crack missed" ? undefined : about;
  if (regions.length && !kept.length) cracked = false;
  if (whole) cracked = whole.cracked;
  if (whole && !whole.cracked) kept.length = 0;
  return { cracked: cracked || missed.length > 0 || kept.some(confirmed), regions, kept, missed, whole,
    markOf: region => marks.get(key(region.box)) };
}

export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value > 99.4) return "> 99 %";
  return `${value.toFixed(value >= 10 ? 0 : 1)} %`;
}

const inUnit = (region, name, digits) => region[`${name}_mm`] != null
  ? `${Number(region[`${name}_mm`].toPrecision(digits))} mm`
  : region[`${name}_px`] != null ? `${Number(region[`${name}_px`].toPrecision(digits))} px` : null;

// What was measured of a region, as far as it was.
export function measures(region) {
  const length = inUnit(region, "length", 3), mean = inUnit(region, "mean_width", 2);
  const widest = inUnit(region, "max_width", 2), angle = region.direction_degrees;
  return [length && `${length} long`, mean && `${mean} wide`, widest && `at most ${widest}`,
    angle != null && `${Math.round(angle)}°`].filter(Boolean).join(", ");
}

// Of the regions that the threshold and the corrections leave: the largest width, and the share of the photo.
export const widest = photo => Math.max(0, ...judged(photo).kept.map(one => one.max_width_mm ?? 0));
export const share = photo => judged(photo).kept.reduce((sum, one) => sum + one.share, 0);

// An element with attributes and children; text is never read as HTML.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value != null) made.setAttribute(key, value);
  made.append(...children.filter(child => child != null && child !== false));
  return made;
}

export function drawn(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
export const rectangle = ([left, top, right, bottom]) =>
  `${left},${top} ${right},${top} ${right},${bottom} ${left},${bottom}`;
export const pointsOf = outline => outline.map(point => point.join(",")).join(" ");
