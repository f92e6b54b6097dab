"""English sentences of the lower layers, as templates, and what they are in Chinese; see `translated.py`."""

from __future__ import annotations

SENTENCES = {
    # what a file lacks
    "no sound": "没有声音",
    "no picture: only the sound was indexed": "没有画面：只索引了声音",
    "the picture could not be decoded": "画面无法解码",
    "the sound could not be decoded": "声音无法解码",
    "The sound could not be read: {reason}": "声音无法读取：{reason}",
    "No copy for the browser could be made: {reason}": "无法生成供浏览器播放的副本：{reason}",
    "The file is damaged: {count} frames could not be decoded; the rest is indexed.":
        "文件已损坏：{count} 帧无法解码，其余部分已索引。",
    "The length is an estimate: the file gives none.": "时长是估计值：文件中没有给出。",
    "The end of the file is damaged: only {decoded} s of {all} s can be decoded.":
        "文件末尾已损坏：{all} 秒中只有 {decoded} 秒可以解码。",
    "The file ends after {decoded} s although it promises {all} s: it was cut off or is damaged.":
        "文件标明 {all} 秒，但在 {decoded} 秒处结束：文件被截断或已损坏。",
    "Parts of the file are in it twice: each is indexed once.": "文件的某些部分重复出现：每部分只索引一次。",
    "Some of the file's time stamps were wrong by up to {time} and were put right:"
    " the file is damaged or was put together from pieces.":
        "文件的部分时间戳有误（最多相差 {time}），已更正：文件已损坏，或由多段拼成。",
    "The index at the end of the file is damaged: the file was read without it.":
        "文件末尾的索引已损坏：已在不使用索引的情况下读取。",
    # tracks
    "Not heard: sound track {track}, {reason}. Choose it to have it heard.":
        "未识别音轨 {track}：{reason}。选择它即可识别。",
    "because its format is unknown": "格式未知",
    "because it is a commentary, a description or a dub": "它是评论、口述影像或配音",
    "because its language is not recognised": "无法识别其语言",
    "because another one in the same language is": "已识别同一语言的另一条音轨",
    "because the file is long": "文件较长",
    "The file has two pictures at a time: both were seen and read, the player shows the first.":
        "文件同时有两个画面：两个都已查看并读取，播放器显示第一个。",
    "The file has {count} pictures at a time: the first and the largest other one were seen and read, the rest was left"
    " out; the player shows the first.":
        "文件同时有 {count} 个画面：已查看并读取第一个和其余中最大的一个，其他的没有收录；播放器显示第一个。",
    "Only the first {seconds} s of the animation could be read in time.": "动画只来得及读取前 {seconds} 秒。",
    # speech
    "Speech at {times} was not written down: its language could not be told.":
        "{times} 的语音没有写下：无法判断其语言。",
    "Speech at {times} was not written down: it is in {language}, and {reason}.":
        "{times} 的语音没有写下：所说为{language}，{reason}。",
    "Speech was taken for {language} without a check, so what is in another language is wrong: {reason}.":
        "语音未经核对即按{language}识别，其他语言的内容会有误：{reason}。",
    "no recogniser of this profile understands it": "此配置中没有能识别它的模型",
    "Whisper base, which tells languages apart and understands them, is not here (`make setup` fetches it)":
        "用来分辨和识别语言的 Whisper base 不在本机（可用 make setup 获取）",
    # subtitles
    "{subtitles} is left out: there is no reader for its format ({format}).":
        "{subtitles} 没有收录：无法读取其格式（{format}）。",
    "{subtitles} is empty.": "{subtitles} 是空的。",
    "{subtitles} is empty: it holds no subtitles.": "{subtitles} 是空的：其中没有字幕。",
    "{subtitles} was left out: it is no subtitle file (SubRip, WebVTT, ASS or SSA).":
        "{subtitles} 没有收录：它不是字幕文件（SubRip、WebVTT、ASS 或 SSA）。",
    "{subtitles} was left out: it is larger than subtitles are ({size}).":
        "{subtitles} 没有收录：比字幕文件大得多（{size}）。",
    "{subtitles} was left out: none of its lines has words.": "{subtitles} 没有收录：其中没有文字。",
    "{subtitles} is marked as '{marked}' and reads like '{read}': it is taken for that.":
        "{subtitles} 标为 {marked}，内容却像 {read}：按后者处理。",
    "{subtitles}: {count} of {all} lines left out, for they end before they begin.":
        "{subtitles}：{all} 行中有 {count} 行没有收录，因为结束早于开始。",
    "{subtitles}: {count} of {all} lines left out, for their times lie outside the video.":
        "{subtitles}：{all} 行中有 {count} 行没有收录，因为时间在视频之外。",
    "{subtitles}: {count} of {all} lines left out, for there are too many.":
        "{subtitles}：{all} 行中有 {count} 行没有收录，因为行数过多。",
    "{subtitles}: {count} of {all} lines cut, for they are too long.":
        "{subtitles}：{all} 行中有 {count} 行过长，已截短。",
    "{subtitles}: {count} of its parts are damaged and were left out.":
        "{subtitles}：其中 {count} 处已损坏，没有收录。",
    "{subtitles}: it has too many parts, and only the first were read.": "{subtitles}：内容过多，只读取了前面的部分。",
    "1 more subtitle track is not taken in, and can be chosen: {languages}.":
        "另有 1 条字幕轨道没有收录，可以选择：{languages}。",
    "{count} more subtitle tracks are not taken in, and can be chosen: {languages}.":
        "另有 {count} 条字幕轨道没有收录，可以选择：{languages}。",
    "{subtitles} says other things than are heard at its times: what is said was heard instead.":
        "{subtitles} 与同一时间听到的内容不符：已改为识别语音。",
    "{subtitles} cannot be read any more: the original file is not there.": "{subtitles} 已无法读取：原文件不在了。",
    "At {times} there is text on the screen in a script that Cuepoint cannot read.":
        "{times} 的画面上有 Cuepoint 无法识别的文字。",
    "{seconds} s of the sound could not be decoded: they are damaged or in another format than the rest.":
        "有 {seconds} 秒声音无法解码：已损坏，或格式与其余部分不同。",
    "The subtitles could not be read: {reason}": "字幕无法读取：{reason}",
    # choosing
    "{title} has no sound.": "{title} 没有声音。",
    "{title} has no stream {number}; its sounds are {tracks}.": "{title} 没有流 {number}；它的音轨有：{tracks}。",
    "Of {title} only the copy for the player is left, which has one sound, stream {track};"
    " add the file again to have another one heard.":
        "{title} 只剩下播放副本，其中只有一条音轨（流 {track}）；要识别其他音轨，请重新添加文件。",
    "The file of {title} is gone and there is no copy of it; add the file again.":
        "{title} 的文件已不存在，也没有副本；请重新添加文件。",
    "There is no video {id} in the library; `cuepoint list` shows what there is.": "视频库中没有视频 {id}。",
    # files that cannot be taken
    "{name} could not be read: the picture is too large.": "{name} 无法读取：图片过大。",
    "{name} could not be read: the picture is damaged or incomplete.": "{name} 无法读取：图片已损坏或不完整。",
    "{name} could not be read: {reason}.": "{name} 无法读取：{reason}。",
    "nothing in it can be decoded, it is damaged or in an unknown format":
        "其中没有可以解码的内容，文件已损坏或格式未知",
    "{name} holds neither picture nor sound.": "{name} 既没有画面也没有声音。",
    "{name} could not be read within {seconds} seconds.": "{name} 无法在 {seconds} 秒内读取。",
    "{name} is empty (0 bytes).": "{name} 是空文件（0 字节）。",
    "{name} is empty.": "{name} 是空文件。",
    "{name} could not be prepared for playing: {reason}.": "{name} 无法转换为可播放的副本：{reason}。",
    "{name} is no longer there; add it again and indexing goes on from where it was.":
        "{name} 已不存在；重新添加后会从中断处继续索引。",
    "{name} did not arrive whole; send it again.": "{name} 没有完整送达，请重新发送。",
    "{name} has {size} and uploads may have {limit}; index it on the command line, or set CUEPOINT_MAX_UPLOAD_GB.":
        "{name} 有 {size}，上传上限为 {limit}；请用命令行索引，或设置 CUEPOINT_MAX_UPLOAD_GB。",
    "Not enough disk space for {name}: {needed} are needed and {free} can be used; delete a video first.":
        "{name} 所需的磁盘空间不足：需要 {needed}，可用 {free}；请先删除一个视频。",
    "This upload is not here any more; send the file again.": "此上传已不在这里，请重新发送文件。",
    "The upload came to a halt; send the file again.": "上传中断，请重新发送文件。",
    "Too many uploads at once; wait until one of them is through.": "同时上传过多，请等其中一个完成。",
    "Too many uploads from here; wait a minute.": "上传过于频繁，请稍等一分钟。",
    "Indexing broke off again and again at the same place; the file may be damaged. Re-encode it, then retry.":
        "索引多次在同一处中断，文件可能已损坏。请重新编码后再试。",
    "Indexing failed unexpectedly ({error}); retry goes on from here.": "索引意外失败（{error}）；重试会从这里继续。",
    "Indexing was stopped; retry goes on from where it was.": "索引已停止；重试会从中断处继续。",
    # searches that cannot be
    "The search begins at {start} and the video ends at {end}; choose a start that lies in the video.":
        "搜索从 {start} 开始，而视频在 {end} 结束；请选择视频之内的开始时间。",
    "The search would end at {end}, before it begins ({start}); the end must come after the start.":
        "搜索的结束时间 {end} 早于开始时间 {start}；结束必须在开始之后。",
    "The start {text} is no time in a video; give seconds (83.5) or minutes and seconds (1:23).":
        "开始时间 {text} 不是视频中的时间；请写秒数（83.5）或分秒（1:23）。",
    "The end {text} is no time in a video; give seconds (83.5) or minutes and seconds (1:23).":
        "结束时间 {text} 不是视频中的时间；请写秒数（83.5）或分秒（1:23）。",
    "No source is chosen; choose from seen, heard and read.": "未选择来源；请从看到、听到、读到中选择。",
    # profiles
    "small and offline": "小型、离线",
    "laptop": "笔记本",
    "model server": "模型服务器",
    "vision-language model": "视觉语言模型",
    "Small models on the processor, no network: finds moments well, words its answers simply.":
        "处理器上的小模型，无需网络：查找片段效果好，回答措辞简单。",
    "SigLIP2 finds the moments, and a vision-language model of half a billion weights looks at their frames itself,"
    " on the processor; for a laptop, a Mac or a server without a GPU.":
        "SigLIP2 查找片段，一个 5 亿参数的视觉语言模型在处理器上直接查看画面；适合笔记本、Mac 或没有 GPU 的服务器。",
    "CLIP finds what the pictures show; a 1.5-billion-weight language model words the answers from what was seen, heard"
    " and read, and does not look at the pictures itself.":
        "CLIP 查找画面内容；一个 15 亿参数的语言模型根据看到、听到和读到的内容组织回答，自己不看画面。",
    "SigLIP finds the moments here; a vision-language model behind any OpenAI-compatible server looks at their frames,"
    " for many users at once.":
        "SigLIP 在本机查找片段；任意兼容 OpenAI 的服务器上的视觉语言模型查看画面，可供多人同时使用。",
    "SigLIP finds the moments, and a 4-billion-weight vision-language model looks at their frames itself; for a GPU"
    " with 8 GB or more.":
        "SigLIP 查找片段，一个 40 亿参数的视觉语言模型直接查看画面；需要 8 GB 或更大的 GPU。",
    "chosen by --profile": "由 --profile 指定",
    "chosen by CUEPOINT_PROFILE": "由 CUEPOINT_PROFILE 指定",
    "no GPU found, so the small offline profile": "未找到 GPU，因此使用小型离线配置",
    "{gpu} found, but the models that use it are not here: {command}": "找到 {gpu}，但使用它的模型不在本机：{command}",
}  # fmt: skip
