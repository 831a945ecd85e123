from playwright.sync_api import expect
SPY = """() => {
  const k = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  window.__m = [];
  const t0 = performance.now();
  k.anyMessage.connect((_, {msg, direction}) => {
    const t = Math.round(performance.now() - t0);
    window.__m.push([t, direction, msg.channel, msg.header.msg_type, msg.header.subshell_id ?? null, msg.content?.data?.method ?? msg.content?.execution_state ?? '', msg.content?.data?.content?.type ?? '']);
  });
}"""
def test_sub(lab, warm_kernel):
    busy = "import time\nworking = True\nwhile working:\n    time.sleep(0.01)"
    nb = lab.open(["a = xw.explain(small, 'sea land sky')\na", busy], warm_kernel)
    nb.page.evaluate(SPY)
    print(nb.page.evaluate("(() => {const k = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel; return [k.supportsSubshells, String(k.commsOverSubshells)]})()"))
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    n = nb.page.evaluate("window.__m.length")
    for m in nb.page.evaluate("window.__m"): print(m)
    print("--- click idle")
    view.candidates.get_by_role("option").nth(2).click()
    try:
        expect(view.cancel).to_be_hidden(timeout=8000)
    except AssertionError: print("NOT ANSWERED")
    for m in nb.page.evaluate("window.__m")[n:]: print(m)
    n = nb.page.evaluate("window.__m.length")
    nb.run(1, wait=False)
    nb.wait_busy()
    print("--- click busy")
    view.candidates.get_by_role("option").nth(3).click()
    try:
        expect(view.cancel).to_be_hidden(timeout=8000)
    except AssertionError: print("NOT ANSWERED")
    for m in nb.page.evaluate("window.__m")[n:]: print(m)
    nb.interrupt()
    nb.wait_idle()
