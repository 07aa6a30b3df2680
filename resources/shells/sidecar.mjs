// Starts, watches and stops a frostline artifact from Electron's main process or plain Node.
// It needs Node's own modules only.
import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { createInterface } from "node:readline";

const ALREADY_RUNNING = 75;
const KEPT_LINES = 40;
const LONGEST_PAUSE = 30_000;

/**
 * Events: "ready" (event) at each start, "service" and every other event that the artifact
 * announces, "log" (line), "restarting" (attempt, reason), "failed" (error) after the last attempt.
 */
export class Sidecar extends EventEmitter {
  #child;
  #tail = [];
  #stopping = false;
  #attempts = 0;
  #pause;

  /**
   * @param {string} executable the artifact
   * @param {{args?: string[], env?: object, startTimeout?: number, stopTimeout?: number,
   *   restarts?: number, stable?: number}} [options] times in milliseconds; *restarts*: how often
   *   it is restarted; after it ran for *stable*, counting begins again
   */
  constructor(executable, options = {}) {
    super();
    this.executable = executable;
    this.options = {
      args: [], env: process.env, startTimeout: 60_000, stopTimeout: 15_000, restarts: 5,
      stable: 60_000, ...options,
    };
    /** The ready event: base_url, token, services; undefined while the artifact is not ready. */
    this.ready = undefined;
  }

  /** The process id; undefined before the first start. */
  get pid() {
    return this.#child?.pid;
  }

  /** Start the artifact; resolves with the ready event, rejects with the reason and last lines. */
  start() {
    this.#stopping = false;
    return this.#launch();
  }

  /** Ask the artifact to stop and wait until it has ended; kill it after *stopTimeout*. */
  async stop() {
    this.#stopping = true;
    clearTimeout(this.#pause);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.end(); // the lifeline: the artifact stops when it closes
    const timer = setTimeout(() => child.kill("SIGKILL"), this.options.stopTimeout);
    await ended;
    clearTimeout(timer);
  }

  /** Send a command, such as {cmd: "restart", service: "api"}. */
  send(command) {
    this.#child?.stdin.write(`${JSON.stringify(command)}\n`);
  }

  #launch() {
    return new Promise((resolve, reject) => {
      const args = ["--lifeline", "stdin", "--shell-pid", String(process.pid), ...this.options.args];
      const child = spawn(this.executable, args, {
        env: this.options.env, stdio: ["pipe", "pipe", "pipe"], windowsHide: true,
      });
      const begun = Date.now();
      let settled = false;
      const settle = (act, value) => {
        clearTimeout(timer);
        if (!settled) act(value);
        settled = true;
      };
      const timer = setTimeout(() => {
        settle(reject, this.#error(`it was not ready after ${this.options.startTimeout} ms`));
        child.kill("SIGKILL");
      }, this.options.startTimeout);
      this.#child = child;
      this.#tail = [];
      child.stdin.on("error", () => {}); // a write to a dead child must not end the application
      child.on("error", (error) => settle(reject, this.#error(error.message)));
      createInterface({ input: child.stderr }).on("line", (line) => this.#say(line));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const event = parse(line);
        if (!event) return this.#say(line);
        if (event.event === "ready") {
          this.ready = event;
          settle(resolve, event);
        }
        if (event.event !== "error") this.emit(event.event, event);
      });
      child.on("close", (code, signal) => {
        const wasReady = this.ready !== undefined;
        this.ready = undefined;
        const reason = code === ALREADY_RUNNING
          ? "another instance of it is running"
          : `it ended with ${signal ?? `exit code ${code}`}`;
        settle(reject, this.#error(reason));
        if (wasReady && !this.#stopping) this.#again(reason, Date.now() - begun);
      });
    });
  }

  #again(reason, lasted) {
    this.#attempts = lasted > this.options.stable ? 1 : this.#attempts + 1;
    if (this.#attempts > this.options.restarts) {
      this.emit("failed", this.#error(`${reason}, ${this.#attempts} times`));
      return;
    }
    this.emit("restarting", this.#attempts, reason);
    const pause = Math.min(500 * 2 ** this.#attempts, LONGEST_PAUSE);
    this.#pause = setTimeout(() => {
      this.#launch().catch((error) => this.emit("failed", error));
    }, pause);
  }

  #say(line) {
    this.#tail.push(line);
    if (this.#tail.length > KEPT_LINES) this.#tail.shift();
    this.emit("log", line);
  }

  #error(reason) {
    return new Error([`${this.executable}: ${reason}`, ...this.#tail].join("\n"));
  }
}

function parse(line) {
  try {
    const value = JSON.parse(line);
    return value && typeof value === "object" && typeof value.event === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
