// The API's documentation, drawn from /openapi.json: every operation with its parameters, what it
// takes, what it answers, and a line to try it with.
const at = (id) => document.getElementById(id);

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

const resolved = (spec, schema) =>
  schema?.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] : schema;

function typeOf(spec, schema) {
  if (schema.oneOf) return schema.oneOf.map((one) => typeOf(spec, one)).join(" or ");
  const found = resolved(spec, schema);
  if (found.enum) return found.enum.join(" | ");
  if (found.type === "array") return `list of ${typeOf(spec, found.items)}`;
  return found.type ?? "any";
}

function table(headings, rows) {
  const made = element("table", "", "prose");
  const head = made.createTHead().insertRow();
  head.append(...headings.map((heading) => element("th", heading)));
  const body = made.createTBody();
  for (const cells of rows) {
    const row = body.insertRow();
    row.append(...cells.map((cell) => element("td", cell)));
  }
  const scroller = element("div", "", "scroller");
  scroller.append(made);
  return scroller;
}

function example(spec, schema) {
  const found = resolved(spec, schema.oneOf ? schema.oneOf[0] : schema);
  if (found?.type === "array") return [example(spec, found.items)];
  return found?.examples?.[0] ?? null;
}

function content(spec, title, media) {
  const schema = media["application/json"]?.schema ?? media["application/problem+json"]?.schema;
  if (!schema) return [];
  const text = JSON.stringify(example(spec, schema), null, 2);
  return [element("p", title, "dim"), element("pre", text)];
}

function curl(method, path, operation, spec) {
  const body = operation.requestBody?.content["application/json"]?.schema;
  const data = body
    ? ` \\\n  -H 'Content-Type: application/json' -d '${JSON.stringify(example(spec, body))}'` : "";
  const verb = method === "get" ? "" : `-X ${method.toUpperCase()} `;
  const address = path.replace("/{id}", "/KRAKEN:BTC-USD:price").replace("{venue}", "kraken");
  return `curl ${verb}'${location.origin}${address}'${data}`;
}

function operationOf(spec, path, method, operation) {
  const box = element("details");
  box.id = operation.operationId;
  const line = element("summary");
  line.append(element("b", method.toUpperCase()), ` ${path} `, element("span", operation.summary, "dim"));
  box.append(line, element("p", operation.description ?? ""));
  const parameters = operation.parameters ?? [];
  if (parameters.length) {
    box.append(table(["Parameter", "In", "Type", "Default", "Meaning"], parameters.map((one) => [
      one.name, one.in, typeOf(spec, one.schema), String(one.schema.default ?? (one.required ? "required" : "")),
      one.description ?? "",
    ])));
  }
  box.append(element("p", "Try it", "dim"), element("pre", curl(method, path, operation, spec)));
  for (const [status, answer] of Object.entries(operation.responses)) {
    if (status < 300 && answer.content) box.append(...content(spec, `Answer ${status}`, answer.content));
  }
  const problems = Object.entries(operation.responses).filter(([status]) => status >= 400);
  box.append(table(["Status", "Problem"], problems.map(([status, answer]) => [status, answer.description])));
  return box;
}

async function start() {
  const spec = await (await fetch("/openapi.json")).json();
  at("version").textContent = spec.info.version;
  at("description").textContent = spec.info.description;
  for (const tag of spec.tags) {
    at("operations").append(element("h2", tag.name), element("p", tag.description, "dim"));
    for (const [path, operations] of Object.entries(spec.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (operation.tags?.includes(tag.name)) {
          at("operations").append(operationOf(spec, path, method, operation));
        }
      }
    }
  }
  document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
}

start();
