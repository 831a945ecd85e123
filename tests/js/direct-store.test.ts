import { describe, expect, test } from "vitest";
import { directTrait, idOf, inventDirect, replyDirect } from "../../js/gallery/direct.ts";
import type { DirectAsk } from "../../js/src/protocol/encode.ts";
import type { DirectRequest } from "../../js/src/protocol/generated.ts";
import { asks, pinned, setup } from "./direct-fakes.ts";
import { settle } from "./mounting.ts";

const NEURONS: DirectAsk = { action: "neurons", layer: 3 };
const target = { kind: "token", id: idOf(" Rome") } as const;
const other = { kind: "token", id: idOf(" a") } as const;

describe("the picture", () => {
  test("an answer to an older question does not take the place of what was asked", () => {
    const { model, store } = setup();
    store.ask({ target }, "v");
    model.set("explanation", directTrait(inventDirect({ layers: 3 })));
    expect(store.answer.value?.headShape[0]).toBe(12);
    replyDirect(model, {}, asks(model)[0] as DirectRequest);
    expect(store.answer.value?.snapshot.target.text).toBe(" Rome");
  });
  test("what can't be read is said, and the last picture stays", () => {
    const { model, store } = setup();
    model.set("explanation", directTrait(inventDirect({ fields: { kinds: [] } })));
    expect(store.error.value?.code).toBe("damaged");
    expect(store.answer.value?.values.length).toBe(26);
  });
  test("a request that takes the place of another asks for what that one did too", () => {
    const { model, store } = setup();
    store.ask({ target }, "v");
    store.ask({ other }, "v");
    expect(asks(model)).toMatchObject([
      { action: "look", target },
      { action: "look", target, other },
    ]);
    expect(store.wanted.value).toEqual({ target, other });
    replyDirect(model, {}, asks(model)[1] as DirectRequest);
    expect(store.wanted.value).toEqual({});
    store.ask({ other: null }, "v");
    expect(asks(model)[2]).not.toHaveProperty("target");
  });
  test("neurons of the picture before are forgotten", async () => {
    const { model, store } = setup();
    store.need(NEURONS, "v");
    replyDirect(model, {}, asks(model)[0] as DirectRequest);
    await settle();
    expect(store.details.get(NEURONS)?.found?.neurons?.length).toBe(8);
    model.set("explanation", directTrait(inventDirect({ target: " Rome" })));
    expect(store.details.get(NEURONS)).toBeNull();
  });
  test("an answer without neurons is refused, not shown as none", async () => {
    const { model, store } = setup();
    store.need(NEURONS, "v");
    model.say({ type: "result", v: 1, id: asks(model)[0]?.id ?? "", revision: 0 });
    await settle();
    expect(store.details.get(NEURONS)).toMatchObject({ state: "refused", error: { code: "damaged" } });
  });
});

describe("the pin", () => {
  test("is what the trait says, and the trait hears of it", () => {
    const { model, store } = setup({}, pinned(22));
    expect(store.pinned()).toEqual({ kind: "component", index: 22 });
    store.pin({ kind: "head", layer: 1, head: 4 });
    expect(model.get("display").row).toBe(26 + 10);
    expect(store.pinned()).toEqual({ kind: "head", layer: 1, head: 4 });
    store.pin(null);
    expect(model.get("display").row).toBeNull();
  });
  test("is let go where the next model has no such part", () => {
    const { model, store } = setup({}, pinned(90));
    model.set("explanation", directTrait(inventDirect({ layers: 2, heads: 2 })));
    expect(store.pinned()).toBeNull();
    expect(model.get("display").row).toBeNull();
  });
});
