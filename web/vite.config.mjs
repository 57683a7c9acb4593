// Development: `make web` proxies the API of a running program. The build itself is build.mjs.
import { defineConfig } from "vite";

const api = process.env.SIGMAWATCH_BUILD_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "./", // the page is served below any path
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    assetsDir: "",
    assetsInlineLimit: 0, // the policy takes fonts and scripts from files alone
    cssCodeSplit: false, // one style sheet: parts that come later are drawn at once
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "index", test: /src\/main\.tsx$/ }] } }, // with all that it needs: compression works within a file
    },
    target: "es2022",
  },
  worker: { format: "es" },
  server: {
    fs: { allow: [".."] }, // the table of formats belongs to the Python package
    proxy: { "/api": api, "/openapi.json": api, "/docs": api, "/static": api },
  },
});
