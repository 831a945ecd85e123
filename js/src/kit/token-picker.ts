/** Tokens of a text to be chosen by clicking: pressed ones are meant. One stop for the tab key, arrows move inside. */
import { focused, h, on, setAttribute } from "./shared/dom.ts";
import { chipClass, fill, type StripUnit } from "./shared/token-text.ts";

export interface TokenPickerProps {
  /** For screen readers: what choosing does. */
  readonly label: string;
  readonly units: readonly StripUnit[];
  /** Names for screen readers, by position. */
  readonly names: readonly string[];
  readonly chosen: ReadonlySet<number>;
  readonly hidden: boolean;
}

export function tokenPicker(
  root: HTMLElement,
  props: TokenPickerProps,
  callbacks: { choose(position: number): void },
  signal: AbortSignal,
) {
  const box = h("span", { class: "xw-token-picker", role: "group", dir: "auto" });
  root.append(box);
  let drawn: TokenPickerProps["units"] | null = null;
  let stop = 0;
  const buttons = () => [...box.children] as HTMLButtonElement[];

  function go(to: number): void {
    const all = buttons();
    stop = Math.max(0, Math.min(all.length - 1, to));
    for (const [i, button] of all.entries()) button.tabIndex = i === stop ? 0 : -1;
  }

  on(
    box,
    "click",
    (event) => {
      const button = (event.target as Element).closest<HTMLButtonElement>("[data-at]");
      if (!button) return;
      go(Number(button.dataset.at));
      callbacks.choose(stop);
    },
    signal,
  );
  on(
    box,
    "focusin",
    (event) => {
      const at = (event.target as HTMLElement).dataset.at;
      if (at !== undefined) go(Number(at));
    },
    signal,
  );
  on(
    box,
    "keydown",
    (event) => {
      const back = getComputedStyle(box).direction === "rtl" ? 1 : -1;
      const steps: Record<string, number> = {
        ArrowLeft: stop + back,
        ArrowRight: stop - back,
        Home: 0,
        End: drawn?.length ?? 0,
      };
      const to = steps[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      go(to);
      buttons()[stop]?.focus();
    },
    signal,
  );

  /** Scroll inside the box only: the page stays where it is. */
  function reveal(button: HTMLElement | undefined): void {
    if (button) box.scrollTop += button.getBoundingClientRect().bottom - box.getBoundingClientRect().bottom;
  }

  const update = (next: TokenPickerProps) => {
    box.hidden = next.hidden;
    setAttribute(box, "aria-label", next.label);
    if (next.hidden) return;
    const redrawn = drawn !== next.units;
    if (redrawn) {
      drawn = next.units;
      const had = box.contains(focused(box));
      box.replaceChildren(
        ...next.units.map((unit, i) => {
          const chip = chipClass(unit);
          const button = h("button", {
            type: "button",
            class: `xw-pick${chip ? ` xw-chip xw-${chip}` : ""}`,
            "data-at": i,
            "aria-label": `${next.names[i] ?? ""}, position ${i}`,
            title: `position ${i}`,
          });
          fill(button, unit);
          return button;
        }),
      );
      go(Math.max(0, Math.min(...next.chosen, next.units.length - 1)));
      if (had) buttons()[stop]?.focus();
    }
    for (const [i, button] of buttons().entries()) setAttribute(button, "aria-pressed", String(next.chosen.has(i)));
    if (redrawn) requestAnimationFrame(() => reveal(buttons()[stop]));
  };
  update(props);
  return { update };
}
