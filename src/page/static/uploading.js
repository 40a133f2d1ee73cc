// Sending photos, a few at a time.
import { ask, visit } from "./visit.js";

const AT_ONCE = 3;
const queue = [];
export const sending = { total: 0, done: 0, problems: [] };
let running = 0;

export function add(files, changed) {
  const known = files.filter(({ name }) => visit.extensions.some(one => name.toLowerCase().endsWith(one)));
  if (sending.done === sending.total) Object.assign(sending, { total: 0, done: 0, problems: [] });
  sending.total += known.length;
  queue.push(...known);
  while (running < AT_ONCE && running < queue.length) run(changed);
  changed();
  return files.length - known.length;
}

async function run(changed) {
  running += 1;
  for (let one; (one = queue.shift());) {
    try {
      if (!one.file) throw new Error("it could not be read");
      if (one.file.size > visit.photo_megabytes * 1e6)
        throw new Error(`larger than ${visit.photo_megabytes} MB (limits.photo_megabytes)`);
      await ask(`/api/photos?name=${encodeURIComponent(one.name)}`, { method: "POST", body: one.file });
    } catch (error) {
      sending.problems.push(`${one.name}: ${error.message}`);
    }
    sending.done += 1;
    changed();
  }
  running -= 1;
}

export const chosen = input => withoutResults([...input.files].map(file =>
  ({ file, name: file.webkitRelativePath || file.name })));

// A folder may hold the results of earlier inspections, whose pictures are no photos.
function withoutResults(files) {
  const runs = files.map(({ name }) => name.match(/^(.*\/)(photos\.json|\.records\/[^/]*)$/)?.[1]).filter(Boolean);
  const results = [...new Set(runs)].flatMap(run => [`${run}overlays/`, `${run}report/`]);
  return files.filter(({ name }) => !name.split("/").some(part => part.startsWith("."))
    && !results.some(folder => name.startsWith(folder)));
}

// The files that are dropped, with those in dropped folders.
export async function dropped(transfer) {
  // A picture that is dragged from another page is a file without an entry.
  const items = [...transfer.items].map(item => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const found = [];
  for (const one of items)
    if (one instanceof File) found.push({ file: one, name: one.name });
    else await collect(one, found);
  return withoutResults(found);
}

async function collect(entry, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    // One that can't be read is told with those that could not be sent.
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    found.push({ file, name: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  // A folder's entries come in batches; an empty one is the last.
  for (let batch; (batch = await new Promise((r, j) => reader.readEntries(r, j))).length;)
    for (const one of batch) await collect(one, found);
}
