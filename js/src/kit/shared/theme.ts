/** Light or dark: what the page around an element says, and its changes. */

export type Theme = "light" | "dark";

/**
 * JupyterLab's attribute first, then a class on body or html, then the colour scheme computed for the element, and
 * only on a page that says nothing the system's wish (which in notebooks often disagrees with the page).
 */
export function readTheme(element: Element): Theme {
  const { body, documentElement: html } = element.ownerDocument;
  const jupyter = body.getAttribute("data-jp-theme-light");
  if (jupyter !== null) return jupyter === "false" ? "dark" : "light";
  for (const holder of [body, html]) {
    if (holder.classList.contains("dark") || holder.classList.contains("dark-theme")) return "dark";
    if (holder.classList.contains("light") || holder.classList.contains("light-theme")) return "light";
    const named = holder.getAttribute("data-theme");
    if (named === "dark" || named === "light") return named;
  }
  const scheme = element.isConnected ? getComputedStyle(element.parentElement ?? html).colorScheme : "normal";
  if (scheme === "dark" || scheme === "light") return scheme;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Keep `data-theme` of the element in step with the page. Nothing is read before the element is on the page. */
export function followTheme(element: HTMLElement, signal: AbortSignal): void {
  if (signal.aborted) return;
  const apply = () => {
    if (element.isConnected) element.setAttribute("data-theme", readTheme(element));
  };
  const attributes = new MutationObserver(apply);
  const options = { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-theme"] };
  attributes.observe(element.ownerDocument.body, options);
  attributes.observe(element.ownerDocument.documentElement, options);
  // The first size arrives when the element is attached, before it is painted. Later ones are of no interest, and parts that lay
  // themselves out by their width would make them come too late ("undelivered notifications").
  const attached = new ResizeObserver(() => {
    apply();
    if (element.isConnected) attached.disconnect();
  });
  attached.observe(element);
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", apply, { signal });
  signal.addEventListener("abort", () => {
    attributes.disconnect();
    attached.disconnect();
  });
}
