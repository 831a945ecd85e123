/** A host for the gallery and the tests: traits that can be set from both sides, and a log of what was sent. */
import type { Progress, Request, Status, ToBrowser, ToKernel, Traits } from "../src/protocol/generated.ts";
import type { Model } from "../src/state/host.ts";

// biome-ignore lint/suspicious/noExplicitAny: events carry arguments of every kind
type Listener = (...args: any[]) => void;

export const IDLE: Status = { state: "idle", error: null, cost: "", seconds: null };

let count = 0;

export class FakeModel implements Model {
  readonly sent: ToKernel[] = [];
  readonly state: Traits;
  /** Makes `send` throw, as JupyterLab does after a kernel restart. */
  dead = false;
  /** Called with each message, to answer it. */
  answer: ((message: ToKernel, model: FakeModel) => void) | null = null;
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(traits: Partial<Traits> = {}) {
    this.state = {
      explanation: { snapshot: null, buffers: [] },
      selection: { pos: [], target: [], source: "" },
      display: { row: null, link_id: null },
      status: IDLE,
      protocol_version: 1,
      uid: `fake-${++count}`,
      ...traits,
    };
  }

  get<K extends keyof Traits>(key: K): Traits[K] {
    return this.state[key];
  }

  set<K extends keyof Traits>(key: K, value: Traits[K]): void {
    if (this.state[key] === value) return;
    this.state[key] = value;
    this.emit(`change:${key}`);
  }

  save_changes(): void {}

  send(content: unknown): void {
    if (this.dead) throw new Error("Cannot send");
    this.sent.push(content as ToKernel);
    this.answer?.(content as ToKernel, this);
  }

  on(name: string, listener: Listener): void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set.add(listener));
  }

  off(name?: string | null, listener?: Listener | null): void {
    if (name === null || name === undefined) this.listeners.clear();
    else if (listener) this.listeners.get(name)?.delete(listener);
    else this.listeners.delete(name);
  }

  emit(name: string, ...args: unknown[]): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) listener(...args);
  }

  /** How many listeners are attached, over all events. */
  get listening(): number {
    return [...this.listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }

  /** A message from the kernel. */
  say(message: ToBrowser, buffers: DataView[] = []): void {
    this.emit("msg:custom", message, buffers);
  }

  /** The last request that was sent. */
  get asked(): Request {
    const last = this.sent.filter((m): m is Request => m.type === "request").at(-1);
    if (!last) throw new Error("nothing was asked");
    return last;
  }

  progress(request: Request, fields: Partial<Progress> = {}, buffers: DataView[] = []): void {
    this.say(
      { type: "progress", v: 1, id: request.id, revision: request.revision, done: 0, total: 0, note: "", ...fields },
      buffers,
    );
  }

  result(request: Request): void {
    this.say({ type: "result", v: 1, id: request.id, revision: request.revision });
  }
}
