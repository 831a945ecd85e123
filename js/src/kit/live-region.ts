/** Says to screen readers what changed on the screen. */
import { h, setText } from "./shared/dom.ts";

export interface LiveRegionProps {
  readonly text: string;
}

export function liveRegion(root: HTMLElement, props: LiveRegionProps, _callbacks: object, _signal: AbortSignal) {
  const box = h("div", { class: "xw-hidden", role: "status", "aria-live": "polite" });
  root.append(box);
  const update = ({ text }: LiveRegionProps) => setText(box, text);
  update(props);
  return { update };
}
