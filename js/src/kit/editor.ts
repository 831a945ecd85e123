/** The input, editable in place: each pause of typing, or Enter, asks. */
import { focused, h, on, setAttribute } from "./shared/dom.ts";

export interface EditorInput {
  readonly kind: "text" | "chat" | "ids";
  readonly text?: string;
  readonly messages?: { role: string; content: string }[];
}

export interface EditorProps {
  readonly open: boolean;
  /** What is edited; read when the editor opens, and when it changes while nobody is typing. */
  readonly input: EditorInput;
  /** Of a text, for screen readers; "prompt" unless told. */
  readonly name?: string | undefined;
}

export interface EditorCallbacks {
  ask(input: EditorInput): void;
  leave(): void;
}

/** A pause of typing this long asks. */
export const PAUSE_MS = 400;

export function editor(root: HTMLElement, props: EditorProps, callbacks: EditorCallbacks, signal: AbortSignal) {
  const box = h("div", { class: "xw-editor", hidden: true });
  root.append(box);
  let kind: EditorInput["kind"] = "text";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let composing = false;
  /** What was last given or asked, to tell an edit from a repeat. */
  let last = "";
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  const areas = () => [...box.querySelectorAll("textarea")];

  function read(): EditorInput {
    if (kind === "text") return { kind, text: areas()[0]?.value ?? "" };
    return { kind, messages: areas().map((area) => ({ role: area.dataset.role ?? "user", content: area.value })) };
  }

  function ask(): void {
    clearTimeout(timer);
    const input = read();
    const key = JSON.stringify(input);
    if (key === last) return;
    last = key;
    callbacks.ask(input);
  }

  function draw({ input, name }: EditorProps): void {
    kind = input.kind;
    const parts = kind === "chat" ? (input.messages ?? []) : [{ role: "", content: input.text ?? "" }];
    box.replaceChildren(
      ...parts.map(({ role, content }) => {
        const area = h("textarea", {
          class: "xw-area",
          rows: 1,
          "data-role": role,
          dir: "auto",
          spellcheck: "false",
          "aria-label": role ? `${role} message` : (name ?? "prompt"),
        });
        area.value = content;
        return h(
          "label",
          { class: "xw-field" },
          role && h("span", { class: "xw-role" }, role),
          h("span", { class: "xw-grow", "data-text": content }, area),
        );
      }),
      h("div", { class: "xw-hint" }, "Enter asks now, Shift+Enter starts a line, Escape leaves"),
    );
    last = JSON.stringify(read());
  }

  on(
    box,
    "input",
    (event) => {
      const area = event.target as HTMLTextAreaElement;
      setAttribute(area.parentElement as HTMLElement, "data-text", area.value);
      clearTimeout(timer);
      if (!composing) timer = setTimeout(ask, PAUSE_MS);
    },
    signal,
  );
  // JupyterLab listens on the field itself to keep Shift+Enter from starting a line anywhere inside a cell.
  on(box, "beforeinput", (event) => event.stopPropagation(), signal, { capture: true });
  on(
    box,
    "compositionstart",
    () => {
      composing = true;
      clearTimeout(timer);
    },
    signal,
  );
  on(
    box,
    "compositionend",
    () => {
      composing = false;
      timer = setTimeout(ask, PAUSE_MS);
    },
    signal,
  );
  on(
    box,
    "keydown",
    (event) => {
      if (event.isComposing || composing) return;
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        event.stopPropagation();
        ask();
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        clearTimeout(timer);
        callbacks.leave();
      }
    },
    signal,
  );

  let given = "";
  const update = (next: EditorProps) => {
    const opening = next.open && box.hidden;
    box.hidden = !next.open;
    if (!next.open) {
      clearTimeout(timer);
      return;
    }
    const key = JSON.stringify(next.input);
    const changed = key !== given;
    given = key;
    // An answer to an older edit must not overwrite what is being typed: only a change from outside (undo) may.
    const untouched = JSON.stringify(read()) === last;
    const held = box.contains(focused(box));
    const redraw = opening || (changed && untouched && key !== last);
    if (redraw) draw(next);
    if (opening || (redraw && held)) {
      const area = areas().at(-1);
      area?.focus();
      area?.setSelectionRange(area.value.length, area.value.length);
    }
  };
  update(props);
  return { update };
}
