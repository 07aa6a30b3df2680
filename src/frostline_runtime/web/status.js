// Data from the server is inserted as text, never as markup: log lines can contain anything.
const pause = 1000;
const cards = new Map();
const $ = (id) => document.getElementById(id);
let token = sessionStorage.getItem("token");
let shown = null; // the service whose output is open, and the number of its last line
let last = 0;

async function ask(path, body) {
  const options = { headers: token ? { Authorization: `Bearer ${token}` } : {} };
  if (body) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = await response.json();
  if (response.status === 401) throw new Error(answer.error);
  return answer;
}

async function signIn() {
  const ticket = location.hash.slice(1);
  if (!ticket) return;
  history.replaceState(null, "", location.pathname);
  const answer = await ask("/api/session", { ticket }).catch(() => ({}));
  if (answer.token) sessionStorage.setItem("token", (token = answer.token));
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function duration(seconds) {
  if (seconds === null) return "–";
  const units = [["d", 86400], ["h", 3600], ["min", 60]];
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

function card(name) {
  if (cards.has(name)) return cards.get(name);
  const made = $("card").content.firstElementChild.cloneNode(true);
  made.querySelector("h2").textContent = name;
  made.dataset.service = name;
  for (const button of made.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent} ${name}`);
    button.addEventListener("click", () => act(name, button.dataset.verb));
  }
  cards.set(name, made);
  $("services").append(made);
  return made;
}

async function act(name, verb) {
  if (verb === "output") return open(name);
  const answer = await ask(`/api/services/${encodeURIComponent(name)}/${verb}`, {});
  notice(answer.error ?? "");
  refresh();
}

function show(name, facts) {
  const made = card(name);
  const set = (where, text) => { made.querySelector(where).textContent = text; };
  const state = made.querySelector(".state");
  state.textContent = facts.state;
  state.dataset.state = facts.state;
  const wait = facts.next_restart_in_s === null ? "" : `; starts again in ${facts.next_restart_in_s} s`;
  const share = facts.progress === null ? "" : `: ${Math.floor(facts.progress * 100)} %`;
  set(".reason", (facts.reason ?? facts.probe.last_error ?? "") + wait + share);
  const bar = made.querySelector("progress");
  bar.hidden = facts.progress === null;
  bar.value = facts.progress ?? 0;
  set(".uptime", duration(facts.uptime_s));
  set(".restarts", facts.restarts);
  set(".pid", facts.pid ?? "–");
  set(".latency", facts.probe.latency_ms === null ? "–" : `${facts.probe.latency_ms} ms`);
  const resting = ["STOPPED", "FAILED", "DISABLED", "BACKOFF"].includes(facts.state);
  made.querySelector("[data-verb=start]").disabled = !resting || facts.state === "DISABLED";
  made.querySelector("[data-verb=restart]").disabled = resting;
  made.querySelector("[data-verb=stop]").disabled = resting && facts.state !== "BACKOFF";
  const link = made.querySelector("a");
  link.hidden = !facts.url || facts.state !== "READY";
  if (facts.url) link.href = facts.url;
}

function graph(made, probes) {
  const recent = probes.slice(-60);
  const most = Math.max(1, ...recent.map((probe) => probe.latency_ms));
  const x = (at) => (recent.length < 2 ? 0 : (at * 240) / (recent.length - 1));
  const points = recent.map((probe, at) => `${x(at)},${38 - (probe.latency_ms / most) * 34}`);
  made.querySelector("polyline").setAttribute("points", points.join(" "));
  const failed = made.querySelector("g");
  failed.replaceChildren();
  recent.forEach((probe, at) => {
    if (probe.ok) return;
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [key, value] of [["x1", x(at)], ["x2", x(at)], ["y1", 0], ["y2", 40]]) line.setAttribute(key, value);
    failed.append(line);
  });
  const bad = recent.filter((probe) => !probe.ok).length;
  made.querySelector("title").textContent = `Last ${recent.length} probes: slowest ${most.toFixed(1)} ms, ${bad} failed`;
}

function open(name) {
  shown = name;
  last = 0;
  $("lines").textContent = "";
  $("output-title").textContent = `Output of ${name}`;
  $("output").hidden = false;
  $("lines").focus();
  refresh();
}

async function follow() {
  const name = shown;
  const { lines } = await ask(`/api/logs?service=${encodeURIComponent(name)}&after=${last}`);
  if (name !== shown || !lines.length) return;
  const pre = $("lines");
  const atEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 20;
  last = lines.at(-1).number;
  const kept = (pre.textContent + lines.map((line) => `${line.text}\n`).join("")).split("\n");
  pre.textContent = kept.slice(-2001).join("\n");
  if (atEnd) pre.scrollTop = pre.scrollHeight;
}

async function refresh() {
  try {
    const report = await ask("/health");
    $("status").textContent = report.status;
    $("whole").dataset.status = report.status;
    if (!report.services) {
      notice("Only the status is shown: open this page by the link that the application gave.");
      return;
    }
    notice("");
    $("about").textContent = `version ${report.version}, up ${duration(report.uptime_s)}`;
    for (const [name, facts] of Object.entries(report.services)) {
      show(name, facts);
      graph(card(name), (await ask(`/api/history?service=${encodeURIComponent(name)}`)).probes);
    }
    if (shown) await follow();
  } catch (error) {
    $("whole").dataset.status = "gone";
    $("status").textContent = "not answering";
    notice(error instanceof TypeError ? "The application does not answer; trying again." : error.message);
  }
}

$("close").addEventListener("click", () => {
  $("output").hidden = true;
  cards.get(shown)?.querySelector("[data-verb=output]").focus();
  shown = null;
});
addEventListener("keydown", (event) => { if (event.key === "Escape" && shown) $("close").click(); });

await signIn();
for (;;) {
  if (!document.hidden) await refresh();
  await new Promise((done) => setTimeout(done, pause));
}
