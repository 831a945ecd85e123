// Builds the views: one module and one style sheet per file in js/src/views, and the script of the saved page.
//   node js/build.mjs                     into xai_widgets/static, sizes printed, fails above the budget
//   node js/build.mjs --gallery [DIR]     every part with invented data, no kernel; into DIR or js/gallery/dist
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// A widget's state carries its module's text, so its size is paid for with every widget. The attention view has three pictures
// of its own (matrix, head grid, lines), a quarter of it, and two versions of everything. The lens has the matrix, with words in it,
// a chart, a second model and a prompt to read with; patching has the matrix, two editors, two lists of next tokens and words for each part that is exchanged and for three things that a prompt is held against; direct
// logit attribution has the matrix, a chart, the list of next tokens and a table of neurons.
const BUDGET = 60_000;
const BUDGETS = {
  "attention.js": 106_000,
  // A graph of its own (layout, paint, picking), a chart and a slider of sizes, two editors, two lists of next tokens.
  "circuit.js": 80_000,
  // And the text inked by where a head looks.
  "direct_logit_attribution.js": 88_000,
  "logit_lens.js": 73_000,
  "patching.js": 77_000,
};

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const common = { bundle: true, target: "es2022", legalComments: "none", logLevel: "warning", charset: "utf8" };

async function buildViews(out) {
  mkdirSync(out, { recursive: true });
  const views = readdirSync(join(here, "src/views"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => basename(file, ".ts"));
  await Promise.all([
    ...views.map((name) =>
      build({
        ...common,
        entryPoints: [join(here, `src/views/${name}.ts`)],
        outfile: join(out, `${name}.js`),
        format: "esm",
        minify: true,
      }),
    ),
    ...views.map((name) =>
      build({
        ...common,
        entryPoints: [join(here, `src/views/${name}.css`)],
        outfile: join(out, `${name}.css`),
        minify: true,
      }),
    ),
    build({
      ...common,
      entryPoints: [join(here, "src/page/main.ts")],
      outfile: join(out, "page.js"),
      format: "iife",
      minify: true,
    }),
  ]);
  let failed = false;
  for (const name of [...views.map((v) => `${v}.js`), ...views.map((v) => `${v}.css`), "page.js"]) {
    const { size } = statSync(join(out, name));
    const budget = BUDGETS[name] ?? BUDGET;
    const over = name.endsWith(".js") && size > budget;
    failed ||= over;
    console.log(
      `${relative(root, join(out, name))}: ${(size / 1000).toFixed(1)} kB${over ? `, over the ${budget / 1000} kB budget` : ""}`,
    );
  }
  return !failed;
}

async function buildGallery(out) {
  mkdirSync(out, { recursive: true });
  await build({
    ...common,
    entryPoints: [join(here, "gallery/gallery.ts")],
    outfile: join(out, "gallery.js"),
    format: "esm",
    sourcemap: "inline",
  });
  const page = await import("node:fs").then((fs) => fs.readFileSync(join(here, "gallery/index.html"), "utf8"));
  writeFileSync(join(out, "index.html"), page);
  console.log(`gallery: open ${relative(process.cwd(), join(out, "index.html"))}`);
}

const [flag, place] = process.argv.slice(2);
if (flag === "--gallery") await buildGallery(place ? resolve(place) : join(here, "gallery/dist"));
else if (flag) throw new Error(`unknown option ${flag}; there is --gallery [DIR]`);
else if (!(await buildViews(join(root, "xai_widgets/static")))) process.exitCode = 1;
