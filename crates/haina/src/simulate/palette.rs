//! Colours of a page, for light and dark; and its style.

/// Lines of one chart that have colours of their own; further ones repeat them, dashed.
pub const COLOURS: usize = 6;

/// The style sheet.
pub const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2733;--faint:#5f6f80;--rule:#dfe5ec;--fill:#f5f8fb;\
--c0:#1769aa;--c1:#c2410c;--c2:#16803c;--c3:#7c3aed;--c4:#b0195d;--c5:#64748b}\
@media(prefers-color-scheme:dark){:root{--paper:#12181f;--ink:#e4eaf1;--faint:#9aa9b8;--rule:#2b3743;--fill:#1a222b;\
--c0:#5cb3f5;--c1:#fb923c;--c2:#4ade80;--c3:#b79bff;--c4:#f472b6;--c5:#a3b1c2}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}\
main{max-width:1080px;margin:0 auto;padding:24px 16px 48px}\
h1{font-size:1.5rem;margin:0 0 4px}h2{font-size:1.1rem;margin:36px 0 2px}\
p{margin:4px 0;color:var(--faint)}ul{margin:4px 0;padding-left:20px;color:var(--faint)}\
.scroll{overflow-x:auto;margin-top:20px}\
table{border-collapse:collapse;width:100%;font-size:.94rem;font-variant-numeric:tabular-nums}\
th,td{padding:6px 8px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}\
th{color:var(--faint);font-weight:600;font-size:.85rem}th:first-child,td:first-child{text-align:left;padding-left:0}\
.charts{display:grid;grid-template-columns:1fr;gap:0 40px}\
@media(min-width:900px){.charts{grid-template-columns:1fr 1fr}}\
figure{margin:0;min-width:0}\
.plot{position:relative;height:230px;margin:14px 8px 30px 52px;background:var(--fill)}\
.plot svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}\
.plot span{position:absolute;font-size:12px;color:var(--faint);white-space:nowrap}\
.plot .y{right:100%;transform:translateY(50%);padding-right:8px}\
.plot .x{top:100%;transform:translateX(-50%);padding-top:5px}\
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;padding-left:52px}\
.legend i{display:inline-block;width:18px;height:0;border-top:3px solid;margin-right:6px;vertical-align:middle}\
.legend i.dashed{border-top-style:dashed}.legend i.area{height:12px;border-top:0;border-radius:2px}\
footer{margin-top:40px;font-size:13px;color:var(--faint)}";

/// The colour of the line with this number, and whether it is dashed.
pub fn colour(number: usize) -> (String, bool) {
    (format!("var(--c{})", number % COLOURS), number >= COLOURS)
}
