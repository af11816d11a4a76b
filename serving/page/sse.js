// Server-sent events of a stream of bytes, as far as the server uses them: `event` and `data`.

export async function* events(bytes) {
  const reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) yield parsed(block);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  const event = { name: "message", data: [] };
  for (const row of block.split(/\r?\n/)) {
    const colon = row.indexOf(":");
    const [field, value] = [row.slice(0, colon), row.slice(colon + 1).replace(/^ /, "")];
    if (field === "event") event.name = value;
    else if (field === "data") event.data.push(value);
  }
  return { name: event.name, data: event.data.join("\n") };
}
