// `node build.mjs FOLDER`: builds the page into FOLDER, with the licences of what it bundles, and a
// .gz and .br beside everything that gets smaller by it. Run by hatch_build.py.
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";

const outDir = resolve(process.argv[2] ?? "dist");

async function licences() {
  const lock = JSON.parse(await readFile("package-lock.json", "utf8"));
  const bundled = Object.entries(lock.packages).filter(([path, one]) => path && !one.dev);
  const told = bundled.map(async ([path, one]) => {
    const files = await readdir(path);
    const text = files.find((name) => /^licen[cs]e/i.test(name));
    return {
      name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version: one.version,
      licence: one.license,
      // Addresses stay out: built files name no other host.
      text: (await readFile(join(path, text), "utf8")).replace(/\s*\(?https?:\/\/\S+\)?/g, "").trim(),
    };
  });
  return Promise.all(told);
}

async function compress(name) {
  const content = await readFile(join(outDir, name));
  const brotli = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } };
  const packed = { gz: gzipSync(content, { level: 9 }), br: brotliCompressSync(content, brotli) };
  for (const [ending, bytes] of Object.entries(packed)) {
    if (bytes.length < content.length * 0.9) await writeFile(join(outDir, `${name}.${ending}`), bytes);
  }
}

await rm(outDir, { recursive: true, force: true });
await build({ build: { outDir, emptyOutDir: true }, logLevel: "warn" });
const index = join(outDir, "index.html"); // the program serves it above the folder of all the rest
const page = (await readFile(index, "utf8")).replace(/="\.\/(?=[\w-]+-[\w-]{8}\.)/g, '="./static/');
const [, entry] = /src="\.\/static\/([^"]+\.js)"/.exec(page);
const needed = (await readFile(join(outDir, entry), "utf8")).matchAll(/from\s*"\.\/([^"]+\.js)"/g);
// What it needs is asked for beside it, not after it.
const links = [...needed].map(([, name]) => `  <link rel="modulepreload" href="./static/${name}">\n`);
await writeFile(index, page.replaceAll(" crossorigin", "").replace("</head>", `${links.join("")}</head>`));
await writeFile(join(outDir, "licences.json"), JSON.stringify(await licences()));
// The page itself is told where it stands with each answer, so it cannot be packed beforehand.
await Promise.all((await readdir(outDir)).filter((name) => name !== "index.html").map(compress));
