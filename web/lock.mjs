// `npm run lock`, after `npm install`: the lock names no host, neither for packages (.npmrc) nor for
// who asks for funding.
import { readFile, writeFile } from "node:fs/promises";

const lock = JSON.parse(await readFile("package-lock.json", "utf8"));
for (const one of Object.values(lock.packages)) delete one.funding;
await writeFile("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
