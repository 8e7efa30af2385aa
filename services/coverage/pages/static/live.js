// The live part of a page: pause and resume, what to say when the line is cut, and errors of a part that was asked for.
(() => {
  const source = document.getElementById("siaran");
  document.addEventListener("htmx:response:error", (event) => {
    const context = event.detail.ctx;
    // A list that cannot be swapped in is opened as a page, which says why.
    if (context && context.sourceElement !== source) location.assign(context.request.action);
  });
  if (!source) return;
  const button = document.getElementById("jeda");
  const line = document.getElementById("sambungan");
  const zone = { WIB: "Asia/Jakarta", WITA: "Asia/Makassar", WIT: "Asia/Jayapura" }[source.dataset.zone];
  let paused = false, ended = false, cutAt = null, connection = null;

  const say = (text) => { if (line.textContent !== text) line.textContent = text; };
  const cut = (status) => {
    ended = status === 401 || status === 403;
    cutAt ??= new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", timeZone: zone });
    say(ended ? source.dataset.expired : `${source.dataset.cut} ${cutAt} ${source.dataset.zone}`);
  };
  source.addEventListener("htmx:sse:before:connection", (event) => {
    connection = event.detail.connection;
    if (paused || ended) connection.cancelled = true;
  });
  source.addEventListener("htmx:sse:after:connection", () => { cutAt = null; say(""); });
  source.addEventListener("htmx:sse:error", (event) => cut(event.detail.status));
  source.addEventListener("htmx:response:error", (event) => cut(event.detail.ctx?.response?.status));
  source.addEventListener("htmx:error", () => cut());
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? button.dataset.resume : button.dataset.pause;
    if (paused) {
      connection?.reader?.cancel();
      connection?.abortController?.abort();
    } else {
      htmx.trigger(source, "lanjut");
    }
  });
})();
