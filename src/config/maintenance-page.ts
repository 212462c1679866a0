// The maintenance page of clusters that name none. Self-contained: while it shows, nothing else of the site can be relied on.

/**
 * It asks for /maintenance.json, which servers keep while they are locked (docs/web-servers.md), and shows how far the deployment is. Where that
 * is not served it works as well: when its own address answers with something else than 503, it goes there. Without a script it loads itself anew.
 */
export const MAINTENANCE_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Updating</title>
<noscript><meta http-equiv="refresh" content="5"></noscript>
<style>
:root { color-scheme: light dark; --ground: #f5f6f8; --text: #1b222c; --muted: #556070; --line: #c3cad6; --accent: #2357d9; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --text: #e7ecf3; --muted: #9eabbd; --line: #3a475c; --accent: #7ea6ff; } }
body { background: var(--ground); color: var(--text); display: grid; font: 1.1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; margin: 0; min-height: 100vh; place-items: center; }
main { max-width: 32rem; padding: 2rem 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
p { margin: .3rem 0; }
ol { list-style: none; margin: 1.5rem 0; padding: 0; }
li { border-left: .25rem solid var(--line); color: var(--muted); padding: .3rem 0 .3rem .9rem; }
li::before { content: '\\25CB\\00A0'; }
li.done::before { content: '\\2713\\00A0'; }
li.now { border-color: var(--accent); color: var(--text); font-weight: 600; }
li.now::before { content: '\\25B6\\00A0'; }
li.done { border-color: var(--accent); }
#since { color: var(--muted); font-size: .95rem; font-variant-numeric: tabular-nums; }
[hidden] { display: none; }
</style>
</head>
<body>
<main>
<h1>We are updating the software. Please try again in several seconds.</h1>
<p>This page goes on by itself when it is done.</p>
<ol id="steps" hidden aria-label="Progress">
<li>Everybody is asked to wait</li>
<li>The new version is put in place</li>
<li>Last preparations, such as the database</li>
</ol>
<p id="since" role="status"></p>
</main>
<script>
(function () {
  var order = ['lock', 'switch', 'finish'];
  var items = document.querySelectorAll('#steps li');
  var began = null;
  function show(said, now) {
    var at = order.indexOf(said.step);
    if (at < 0 || typeof said.began !== 'number') return;
    document.getElementById('steps').hidden = false;
    for (var i = 0; i < items.length; i++) items[i].className = i < at ? 'done' : i === at ? 'now' : '';
    // By the server's clock, so that a wrong one of the visitor says nothing wrong.
    began = Date.now() - Math.max(0, now - said.began * 1000);
  }
  function tick() {
    if (began === null) return;
    var seconds = Math.max(0, Math.round((Date.now() - began) / 1000));
    var text = seconds < 120 ? seconds + ' seconds' : Math.floor(seconds / 60) + ' minutes';
    document.getElementById('since').textContent = 'It began ' + text + ' ago.';
  }
  function look() {
    fetch('/maintenance.json', { cache: 'no-store' })
      .then(function (answer) {
        if (!answer.ok) throw new Error();
        var now = Date.parse(answer.headers.get('date')) || Date.now();
        return answer.json().then(function (said) { show(said, now); });
      })
      .catch(function () {
        return fetch(location.href, { method: 'HEAD', cache: 'no-store' }).then(function (answer) {
          if (answer.status !== 503) location.replace(location.href);
        });
      })
      .catch(function () {})
      .then(function () { setTimeout(look, 2000 + Math.random() * 1500); });
  }
  setInterval(tick, 1000);
  look();
})();
</script>
</body>
</html>
`;
