// For Node 20 or newer. In a browser, the photo is a file that the user chose.
import { readFile, writeFile } from "node:fs/promises";

const api = "http://127.0.0.1:5000";

async function call(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

// Create a session.
const { session_id } = await (await call(`${api}/api/generate_session_id`)).json();

// Upload a photo. The answer comes at once. It is a generation, which has a URL of its own.
const form = new FormData();
form.append("image", new File([await readFile("chair.jpg")], "chair.jpg"));
const accepted = await call(`${api}/api/process_furniture_image/${session_id}`, {
  method: "POST",
  headers: { Prefer: "respond-async" },
  body: form,
});
const { generation_id } = await accepted.json();
const url = `${api}/api/sessions/${session_id}/generations/${generation_id}`;

// Stream its events, to the last one.
const events = await call(url, { headers: { Accept: "text/event-stream" } });
const text = new TextDecoder();
for await (const bytes of events.body) process.stdout.write(text.decode(bytes, { stream: true }));

// Pick it up again: after a lost connection, or tomorrow.
const { result, error } = await (await call(url)).json();
if (error) throw new Error(error.error);

// Download the model.
const model = await call(result.model_url);
await writeFile(result.model, Buffer.from(await model.arrayBuffer()));
