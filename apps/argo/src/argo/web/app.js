// The page of argo. What the model writes is only ever inserted as text.

const element = (id) => document.getElementById(id);
const [list, log, form, input] = ["conversations", "messages", "form", "message"].map(element);
const state = { conversation: null, running: null };

const STATUS_EVERY = 5000;
const TYPING_PAUSE = 300;

function showError(text) {
  element("error").textContent = text;
  element("error").hidden = !text;
}

async function reasonOf(response) {
  const body = await response.json().catch(() => ({}));
  return typeof body.detail === "string" ? body.detail : `the server answered ${response.status}`;
}

async function call(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(await reasonOf(response));
  return response;
}

const post = (path, body, signal) => call(path, {
  method: "POST", signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});

// Run a task and show why it failed; stopping on purpose is no failure.
async function attempt(task) {
  try {
    return await task();
  } catch (error) {
    if (error.name !== "AbortError") showError(error.message);
    return undefined;
  }
}

// --- messages ---

function addMessage(role, text) {
  const message = document.createElement("div");
  message.className = `message ${role}`;
  message.textContent = text;
  log.append(message);
  log.scrollTop = log.scrollHeight;
  return message;
}

function appendText(message, text) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  message.append(text);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

// --- the answer, as server-sent events ---

async function* readEvents(response) {
  let rest = "";
  for await (const text of texts(response.body)) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const [, name, data] = /^event: ([^\n]*)\ndata: ([^\n]*)$/.exec(block);
      yield [name, JSON.parse(data)];
    }
  }
}

// Not `for await` over the stream itself: Safari cannot.
async function* texts(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

async function receive(response, answer) {
  for await (const [name, data] of readEvents(response)) {
    if (name === "token") appendText(answer, data.text);
    if (name === "error") throw new Error(data.detail);
    if (name === "done") return data;
  }
  throw new Error("the answer ended early");
}

function setRunning(controller) {
  state.running = controller;
  element("send").disabled = Boolean(controller);
  element("stop").hidden = !controller;
}

async function send(text) {
  showError("");
  const controller = new AbortController();
  setRunning(controller);
  const question = addMessage("user", text);
  const answer = addMessage("assistant pending", "");
  input.value = "";
  const done = await attempt(async () => {
    const body = { message: text, conversation_id: state.conversation };
    return receive(await post("/api/chat", body, controller.signal), answer);
  });
  setRunning(null);
  answer.classList.remove("pending");
  if (done) {
    state.conversation = done.conversation_id;
    await showConversations();
  } else {
    takeBack(question, answer, text);
  }
  await countTokens();
}

// An exchange that failed is not stored: the question goes back to where it can be sent again.
function takeBack(question, answer, text) {
  question.remove();
  answer.remove();
  if (!input.value) input.value = text;
}

// --- conversations ---

function listItem(conversation) {
  const item = document.createElement("li");
  item.classList.toggle("current", conversation.id === state.conversation);
  const open = document.createElement("button");
  open.type = "button";
  open.className = "open";
  open.textContent = open.title = conversation.title;
  if (conversation.id === state.conversation) open.setAttribute("aria-current", "true");
  open.addEventListener("click", () => openConversation(conversation.id));
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "delete";
  remove.textContent = "×";
  remove.setAttribute("aria-label", `Delete ${conversation.title}`);
  remove.addEventListener("click", () => deleteConversation(conversation));
  item.append(open, remove);
  return item;
}

async function showConversations() {
  await attempt(async () => {
    const conversations = await (await call("/api/conversations")).json();
    list.replaceChildren(...conversations.map(listItem));
  });
}

function clearMessages(id) {
  state.running?.abort();
  state.conversation = id;
  log.replaceChildren();
}

async function openConversation(id) {
  showError("");
  await attempt(async () => {
    const conversation = await (await call(`/api/conversations/${id}`)).json();
    clearMessages(id);
    for (const { role, content } of conversation.messages) addMessage(role, content);
  });
  await showConversations();
  input.focus();
}

async function newConversation() {
  clearMessages(null);
  showError("");
  await showConversations();
  input.focus();
}

async function deleteConversation({ id, title }) {
  if (!window.confirm(`Delete “${title}”?`)) return;
  showError("");
  const deleted = await attempt(() => call(`/api/conversations/${id}`, { method: "DELETE" }));
  if (deleted && id === state.conversation) await newConversation();
  else await showConversations();
}

// --- status and tokens ---

const STATUS_TEXTS = { ok: "Model ready", degraded: "No answers for now", failed: "Argo has a problem" };

async function showStatus() {
  let status = "failed";
  let text = "Argo does not answer";
  try {
    const health = await (await fetch("/health")).json();
    const { database, model } = health.services;
    const detail = health.status === "failed" ? database.detail : model.detail;
    status = health.status;
    text = status === "ok" ? STATUS_TEXTS.ok : `${STATUS_TEXTS[status]}: ${detail}`;
  } catch { /* the text says it */ }
  element("lamp").className = status;
  // Only changes are written: they are read aloud.
  if (element("status-text").textContent !== text) element("status-text").textContent = text;
}

async function countTokens() {
  const text = input.value;
  let label = "";
  if (text) {
    try {
      const { count } = await (await post("/api/tokens", { text })).json();
      label = count === 1 ? "1 token" : `${count} tokens`;
    } catch { /* a count is a convenience */ }
  }
  if (text === input.value) element("tokens").textContent = label;
}

// --- start ---

let typing;
input.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(countTokens, TYPING_PAUSE);
});
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!state.running) send(input.value);
});
element("new").addEventListener("click", newConversation);
element("stop").addEventListener("click", () => state.running?.abort());

showConversations();
showStatus();
setInterval(showStatus, STATUS_EVERY);
