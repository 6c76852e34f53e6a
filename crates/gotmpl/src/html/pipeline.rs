//! Which escapers a value passes, and how they come into a pipeline.

use super::context::Context;
use super::fault::{ErrorCode, Fault};
use super::state::{Delimiter, Slash, State, UrlPart};
use crate::ast::{Command, Operand, OperandKind, Pipeline};

/// An escaper; the functions of executed templates have the names of Go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaper {
    /// Any value in a quoted attribute.
    Attribute,
    /// A value in a comment: nothing.
    Comment,
    /// A value in a CSS string.
    CssString,
    /// A value in CSS.
    CssValue,
    /// A value in HTML text.
    HtmlText,
    /// The name of a tag or an attribute.
    HtmlName,
    /// Any value in an attribute without quotation marks.
    HtmlUnquoted,
    /// A value in a JavaScript regular expression.
    JsRegexp,
    /// A value in a JavaScript string.
    JsString,
    /// A value in a JavaScript template literal.
    JsTemplateLiteral,
    /// A value in JavaScript.
    JsValue,
    /// A value in the text of a `<title>` or a `<textarea>`.
    RawText,
    /// A list of URLs.
    Srcset,
    /// A value in the query of a URL.
    UrlEscape,
    /// The beginning of a URL.
    UrlFilter,
    /// A value in a URL before the query.
    UrlNormalize,
    /// The arguments of a predefined escaper that was a call, as one text.
    Arguments,
}

impl Escaper {
    /// The name of the function in a rewritten template.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Attribute => "_html_template_attrescaper",
            Self::Comment => "_html_template_commentescaper",
            Self::CssString => "_html_template_cssescaper",
            Self::CssValue => "_html_template_cssvaluefilter",
            Self::HtmlText => "_html_template_htmlescaper",
            Self::HtmlName => "_html_template_htmlnamefilter",
            Self::HtmlUnquoted => "_html_template_nospaceescaper",
            Self::JsRegexp => "_html_template_jsregexpescaper",
            Self::JsString => "_html_template_jsstrescaper",
            Self::JsTemplateLiteral => "_html_template_jstmpllitescaper",
            Self::JsValue => "_html_template_jsvalescaper",
            Self::RawText => "_html_template_rcdataescaper",
            Self::Srcset => "_html_template_srcsetescaper",
            Self::UrlEscape => "_html_template_urlescaper",
            Self::UrlFilter => "_html_template_urlfilter",
            Self::UrlNormalize => "_html_template_urlnormalizer",
            Self::Arguments => "_eval_args_",
        }
    }

    /// The function that users may call themselves and that makes this escaper needless.
    fn predefined(self) -> Option<&'static str> {
        match self {
            Self::Attribute | Self::HtmlText | Self::RawText => Some("html"),
            Self::UrlEscape | Self::UrlNormalize => Some("urlquery"),
            _ => None,
        }
    }
}

/// About how many bytes of memory a copy of the pipeline takes.
pub(super) fn weight(pipeline: &Pipeline) -> usize {
    let commands = pipeline.commands.iter();
    let operands = commands.flat_map(|command| &command.operands);
    size_of::<Pipeline>() + operands.map(operand_weight).sum::<usize>()
}

fn operand_weight(operand: &Operand) -> usize {
    let inner = match &operand.kind {
        OperandKind::Pipeline(pipeline) => weight(pipeline),
        OperandKind::Chain { base, fields } => operand_weight(base) + size_of_val(&fields[..]),
        OperandKind::Field(fields) | OperandKind::Variable { fields, .. } => {
            size_of_val(&fields[..])
        }
        OperandKind::String(literal) => literal.quoted.len() + literal.value.len(),
        _ => 0,
    };
    size_of::<Command>() + size_of::<Operand>() + inner
}

/// The functions that users may call themselves and that escape.
const PREDEFINED: [&str; 2] = ["html", "urlquery"];

/// Rewrites a pipeline that prints a value, and gives the context after the value.
pub(super) fn rewrite(
    context: &Context,
    pipeline: &Pipeline,
) -> Result<(Context, Pipeline), Fault> {
    let mut context = context.for_value();
    refuse_misplaced(&context, pipeline)?;
    let escapers = escapers(&mut context, pipeline)?;
    Ok((context, insert(pipeline, &escapers)))
}

/// Refuses predefined escapers whose result would be changed, or escaped too little, afterwards.
fn refuse_misplaced(context: &Context, pipeline: &Pipeline) -> Result<(), Fault> {
    let unquoted =
        context.state == State::Attribute && context.delimiter == Delimiter::SpaceOrTagEnd;
    let last = pipeline.commands.len() - 1;
    for (index, command) in pipeline.commands.iter().enumerate() {
        if let Some(name) = predefined_name(command)
            && (index < last || (unquoted && name == "html"))
        {
            let message = format!("predefined escaper \"{name}\" disallowed in template");
            return Err(Fault::new(ErrorCode::PredefinedEscaper, message));
        }
    }
    Ok(())
}

/// The predefined escaper that a command calls.
fn predefined_name(command: &Command) -> Option<&'static str> {
    let called = function_name(command)?;
    PREDEFINED.into_iter().find(|name| *name == called)
}

fn function_name(command: &Command) -> Option<&str> {
    match &command.operands.first()?.kind {
        OperandKind::Function(name) => Some(name),
        _ => None,
    }
}

/// Finds the escapers of a context, in the order of their application.
fn escapers(context: &mut Context, pipeline: &Pipeline) -> Result<Vec<Escaper>, Fault> {
    let mut escapers = Vec::with_capacity(3);
    match context.state {
        State::Url
        | State::CssDoubleQuoted
        | State::CssSingleQuoted
        | State::CssDoubleQuotedUrl
        | State::CssSingleQuotedUrl
        | State::CssUrl => url_escapers(context, pipeline, &mut escapers)?,
        State::MetaContentUrl => escapers.push(Escaper::UrlFilter),
        State::Srcset => escapers.push(Escaper::Srcset),
        State::Js => {
            escapers.push(Escaper::JsValue);
            context.slash = Slash::Division;
        }
        State::JsDoubleQuoted | State::JsSingleQuoted => escapers.push(Escaper::JsString),
        State::JsTemplate => escapers.push(Escaper::JsTemplateLiteral),
        State::JsRegexp => escapers.push(Escaper::JsRegexp),
        State::Css => escapers.push(Escaper::CssValue),
        State::Text => escapers.push(Escaper::HtmlText),
        State::RawText => escapers.push(Escaper::RawText),
        State::AttributeName | State::Tag | State::AfterName | State::BeforeValue => {
            context.state = State::AttributeName;
            escapers.push(Escaper::HtmlName);
        }
        State::HtmlComment
        | State::JsBlockComment
        | State::JsLineComment
        | State::JsHtmlOpenComment
        | State::JsHtmlCloseComment
        | State::CssBlockComment
        | State::CssLineComment => escapers.push(Escaper::Comment),
        // The value of an attribute needs what its delimiter asks for, and nothing else.
        State::Attribute | State::MetaContent | State::Dead => {}
    }
    match context.delimiter {
        Delimiter::None => {}
        Delimiter::SpaceOrTagEnd => escapers.push(Escaper::HtmlUnquoted),
        Delimiter::DoubleQuote | Delimiter::SingleQuote => escapers.push(Escaper::Attribute),
    }
    Ok(escapers)
}

fn url_escapers(
    context: &Context,
    pipeline: &Pipeline,
    escapers: &mut Vec<Escaper>,
) -> Result<(), Fault> {
    let in_css_string = matches!(
        context.state,
        State::CssDoubleQuoted | State::CssSingleQuoted
    );
    let before_query = if in_css_string {
        Escaper::CssString
    } else {
        Escaper::UrlNormalize
    };
    match context.url_part {
        UrlPart::None => escapers.extend([Escaper::UrlFilter, before_query]),
        UrlPart::PreQuery => escapers.push(before_query),
        UrlPart::QueryOrFragment => escapers.push(Escaper::UrlEscape),
        UrlPart::Unknown => {
            let message =
                format!("{{{{{pipeline}}}}} appears in an ambiguous context within a URL");
            return Err(Fault::new(ErrorCode::AmbigContext, message));
        }
    }
    Ok(())
}

/// Adds the escapers to the end of a pipeline.
///
/// A predefined escaper at the end takes the place of one that does the same.
fn insert(pipeline: &Pipeline, escapers: &[Escaper]) -> Pipeline {
    let mut pipeline = pipeline.clone();
    let offset = pipeline.offset;
    let predefined = match pipeline.commands.last() {
        Some(last) if !escapers.is_empty() => predefined_name(last),
        _ => None,
    };
    let mut names: Vec<&str> = escapers.iter().map(|escaper| escaper.name()).collect();
    if let Some(predefined) = predefined {
        split_call(&mut pipeline, predefined);
        let mut replaced = false;
        for (name, escaper) in names.iter_mut().zip(escapers) {
            if escaper.predefined() == Some(predefined) {
                *name = predefined;
                replaced = true;
            }
        }
        if replaced {
            pipeline.commands.pop();
        }
    }
    let added = names.into_iter().map(|name| call(name, offset));
    pipeline.commands.extend(added);
    pipeline
}

/// Makes of `html a b` the pipeline `_eval_args_ a b | html`.
fn split_call(pipeline: &mut Pipeline, predefined: &str) {
    let offset = pipeline.offset;
    if let [command] = &mut pipeline.commands[..]
        && command.operands.len() > 1
        && let Some(function) = command.operands.first_mut()
    {
        function.kind = OperandKind::Function(Escaper::Arguments.name().into());
        pipeline.commands.push(call(predefined, offset));
    }
}

fn call(name: &str, offset: usize) -> Command {
    Command {
        offset,
        operands: vec![Operand {
            offset,
            kind: OperandKind::Function(name.into()),
        }],
    }
}
