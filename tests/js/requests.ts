/** One message of every kind that leaves the browser, as `tests/protocol/golden/requests.json` holds them for Python. */
import {
  encodeAttention,
  encodeCancel,
  encodeCircuit,
  encodeCKA,
  encodeDirect,
  encodeFetch,
  encodePatching,
  encodeRequest,
} from "../../js/src/protocol/encode.ts";
import type {
  AttentionRequest,
  CircuitRequest,
  CKARequest,
  DirectRequest,
  PatchingRequest,
  ToKernel,
} from "../../js/src/protocol/generated.ts";

export function sampleRequests(): (
  | PatchingRequest
  | ToKernel
  | AttentionRequest
  | CircuitRequest
  | CKARequest
  | DirectRequest
)[] {
  const envelope = (n: number) => ({ id: `s1-${n}`, revision: n, view: "view-a" });
  return [
    encodeRequest("explain", {}, envelope(1)),
    encodeRequest("explain", { input: { kind: "text", text: "The capital of 日本 is 👩‍🚀\n</script>" } }, envelope(2)),
    encodeRequest("explain", { input: { kind: "chat", messages: [{ role: "user", content: "Hi" }] } }, envelope(3)),
    encodeRequest(
      "explain",
      { target: { kind: "token", id: 100 }, contrast: { kind: "token", id: 101 }, quantity: "logit_diff" },
      envelope(4),
    ),
    encodeRequest("explain", { target: { kind: "text", text: " Paris" }, contrast: null }, envelope(5)),
    encodeRequest("explain", { target: { kind: "generated", index: 2 } }, envelope(6)),
    encodeRequest("explain", { target: { kind: "tokens", parts: [5, " Paris"] } }, envelope(7)),
    encodeRequest(
      "explain",
      { target: null, method: "integrated_gradients", params: { n_steps: 64, baseline: "pad" }, unit: "word" },
      envelope(8),
    ),
    encodeRequest("explain", { method: "shapley_sampling", params: {}, confirmed: true }, envelope(9)),
    encodeRequest("explain", { target: { kind: "generated", index: 1 }, generated: [504, 28] }, envelope(13)),
    encodeRequest("generate", { max_new_tokens: 16 }, envelope(10)),
    encodeRequest("methods", {}, envelope(11)),
    encodeCancel("s1-9"),
    encodeFetch(3, envelope(12)),
    encodeAttention({ action: "attend", input: { kind: "text", text: "The cat\n" } }, envelope(14)),
    encodeAttention({ action: "mean" }, envelope(15)),
    encodeAttention(
      { action: "tile", map: 3, head: 1, measure: "norm", pool: "mean", level: 2, row: 0, column: 1 },
      envelope(16),
    ),
    encodeAttention({ action: "line", map: 3, head: 1, measure: "weight", axis: "key", index: 0 }, envelope(17)),
    encodeAttention({ action: "pair", map: 3, head: 1, query: 9, key: 2 }, envelope(18)),
    encodeAttention({ action: "off", map: 3, head: 1 }, envelope(19)),
    encodeAttention({ action: "off", map: 3, head: null }, envelope(20)),
    encodeAttention({ action: "off", map: 3, head: 1, query: 9, key: 2 }, envelope(21)),
    encodeAttention({ action: "effects" }, envelope(22)),
    encodeAttention({ action: "flow", method: "rollout", index: 9 }, envelope(23)),
    encodeDirect({ action: "look", input: { kind: "text", text: "The cat\n" }, other: null }, envelope(24)),
    encodeDirect(
      { action: "look", target: { kind: "text", text: " Paris" }, other: { kind: "token", id: 5 } },
      envelope(25),
    ),
    encodeDirect({ action: "neurons", layer: 3 }, envelope(26)),
    encodeDirect({ action: "head", layer: 3, head: 1, version: 1 }, envelope(27)),
    encodeCKA({ action: "look" }, envelope(28)),
    encodeCircuit(
      { action: "look", clean: { kind: "text", text: "The cat\n" }, method: "eap_ig", steps: 8, other: null },
      envelope(40),
    ),
    encodeCircuit({ action: "look", method: "acdc", threshold: 0.02, target: { kind: "token", id: 5 } }, envelope(41)),
    encodeCircuit({ action: "keep", size: 60 }, envelope(42)),
    encodeCircuit({ action: "edge", edge: 7 }, envelope(43)),
    encodePatching(
      {
        action: "look",
        against: "prompt",
        clean: { kind: "text", text: "The cat\n" },
        corrupted: { kind: "text", text: "The dog\n" },
        direction: "noise",
        part: "head",
        target: { kind: "text", text: " New York" },
        other: null,
      },
      envelope(50),
    ),
    encodePatching(
      { action: "look", against: "noise", noise: { positions: [1, 2], samples: 4 }, quantity: null },
      envelope(51),
    ),
    encodePatching({ action: "look", against: "noise", noise: { subject: "cat", together: null } }, envelope(52)),
    encodePatching({ action: "look", against: "ablation", ablation: { kind: "zero" } }, envelope(53)),
    encodePatching({ action: "cell", layer: 3, index: 1 }, envelope(54)),
  ];
}
