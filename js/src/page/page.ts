/**
 * The saved page: finds the states and modules embedded in it and mounts each view, offline.
 *
 * States: `<script type="application/json" id="xai-states">{"widgets": [{"module": "token_attribution", "state": {...}}]}`.
 * Modules: `<script type="application/json" id="xai-modules">{"token_attribution": "...the module's text..."}`.
 * In both every `<` is written `\u003c`. Widget i goes into the element `data-xai-widget="i"`, or to the end of the page.
 */
import type { Model } from "../state/host.ts";
import { type SavedState, savedModel } from "./model.ts";

interface Widget {
  readonly module: string;
  readonly state: SavedState;
}

interface View {
  initialize?(props: { model: Model; signal: AbortSignal }): unknown;
  render?(props: { model: Model; el: HTMLElement; signal: AbortSignal }): unknown;
}

export async function mountPage(page: Document): Promise<void> {
  const read = (id: string) => JSON.parse(page.getElementById(id)?.textContent || "{}") as unknown;
  const { widgets = [] } = read("xai-states") as { widgets?: Widget[] };
  const sources = read("xai-modules") as Record<string, string>;
  const modules = new Map<string, Promise<View>>();
  // Nothing in a saved page ends before the page does.
  const { signal } = new AbortController();
  for (const [i, widget] of widgets.entries()) {
    const loading = modules.get(widget.module) ?? load(sources[widget.module], widget.module);
    modules.set(widget.module, loading);
    const view = await loading;
    const el =
      page.querySelector<HTMLElement>(`[data-xai-widget="${i}"]`) ?? page.body.appendChild(page.createElement("div"));
    // What the place showed without JavaScript (a still picture, a table) gives way to the view.
    el.replaceChildren();
    const model = savedModel(widget.state);
    await view.initialize?.({ model, signal });
    await view.render?.({ model, el, signal });
  }
}

async function load(source: string | undefined, name: string): Promise<View> {
  if (source === undefined) throw new Error(`the page holds no module ${name}`);
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const module = (await import(/* @vite-ignore */ url)) as { default: View };
    return module.default;
  } finally {
    URL.revokeObjectURL(url);
  }
}
