import { expect, test, vi } from "vitest";
import type { FakeModel } from "../../js/gallery/fake-model.ts";
import { plain, sampled } from "../../js/gallery/fixtures.ts";
import { bytesOf, type SavedState, savedModel } from "../../js/src/page/model.ts";
import { mountPage } from "../../js/src/page/page.ts";
import type { Packed } from "../../js/src/protocol/generated.ts";
import view from "../../js/src/views/token_attribution.ts";
import { Mounted, place, settle } from "./mounting.ts";

function base64({ buffers }: Packed): string[] {
  return buffers.map((b) => btoa(String.fromCharCode(...new Uint8Array(b.buffer, b.byteOffset, b.byteLength))));
}

const saved = (packed: Packed, uid: string): SavedState => ({
  explanation: { snapshot: packed.snapshot, buffers: base64(packed) },
  selection: { pos: [], target: [], source: "" },
  display: { row: null, link_id: "page" },
  status: { state: "static", error: null, cost: "", seconds: null },
  protocol_version: 1,
  uid,
});

test("base64 gives the bytes back", () => {
  const view = bytesOf(btoa(String.fromCharCode(0, 1, 127, 128, 255)));
  expect([...new Uint8Array(view.buffer)]).toEqual([0, 1, 127, 128, 255]);
});

test("the saved model reads, sets, tells, and answers that there is no kernel", async () => {
  const model = savedModel(saved(plain, "a"));
  const heard = vi.fn();
  model.on("change:display", heard);
  model.set("display", { row: 1, link_id: null });
  expect(heard).toHaveBeenCalledTimes(1);
  expect(model.get("display").row).toBe(1);
  const answer = vi.fn();
  model.on("msg:custom", answer);
  model.send({ type: "request", id: "r1" });
  await settle();
  expect(answer).toHaveBeenCalledWith({ type: "no-kernel", id: "r1" }, []);
  model.off("change:display", heard);
  model.set("display", { row: 2, link_id: null });
  expect(heard).toHaveBeenCalledTimes(1);
});

test("the view over a saved model draws, selects and says what it can't", async () => {
  const { root, signal, end } = place();
  const model = savedModel(saved(sampled, "page-x"));
  view.initialize({ model, signal });
  view.render({ model, el: root, signal });
  const v = new Mounted(model as unknown as FakeModel, root, end);
  expect(v.tokens.map((t) => t.textContent).join("")).toBe("The capital of France, not Italy, is");
  v.token(" France").click();
  await settle();
  expect(v.token(" France").hasAttribute("data-pin")).toBe(true);
  v.candidate("Rome").click();
  await settle();
  expect(v.says("there is no kernel here")).toBe(true);
});

test("a page mounts each of its widgets, its module loaded once, from text that would break a script element", async () => {
  const page = document.implementation.createHTMLDocument("saved");
  const module = `
    globalThis.loaded = (globalThis.loaded ?? 0) + 1;
    export default {
      initialize({ model }) { model.touched = true; },
      render({ model, el }) { el.textContent = "</script>" + model.get("uid") + model.touched + model.get("explanation").buffers[0].byteLength; },
    };`;
  const element = (id: string, value: unknown) => {
    const script = page.createElement("script");
    script.type = "application/json";
    script.id = id;
    script.textContent = JSON.stringify(value).replaceAll("<", "\\u003c");
    page.body.append(script);
  };
  element("xai-states", {
    widgets: [
      { module: "m", state: saved(plain, "one") },
      { module: "m", state: saved(plain, "two") },
    ],
  });
  element("xai-modules", { m: module });
  const first = page.createElement("div");
  first.dataset.xaiWidget = "0";
  first.textContent = "a still picture";
  page.body.prepend(first);
  await mountPage(page);
  expect(first.textContent).toBe("</script>onetrue40");
  expect(page.body.lastElementChild?.textContent).toBe("</script>twotrue40");
  expect((globalThis as { loaded?: number }).loaded).toBe(1);
});

test("a page without widgets does nothing", async () => {
  await expect(mountPage(document.implementation.createHTMLDocument(""))).resolves.toBeUndefined();
});
