// Writes tests/protocol/golden/requests.json: what the browser sends, for Python to read. Run by hand (`npm run golden`)
// after a change of the protocol; a test fails when the file is out of date.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { outputFiles } = await build({
  entryPoints: [join(root, "tests/js/requests.ts")],
  bundle: true,
  format: "esm",
  write: false,
});
const { sampleRequests } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`
);
const file = join(root, "tests/protocol/golden/requests.json");
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(sampleRequests(), null, 1)}\n`);
console.log(file);
