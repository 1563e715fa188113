"Small random pipelines of many classes of diffusers, with the schedulers that published models of these classes have"
import inspect, tempfile
import diffusers as d, numpy as np, torch, transformers as tf
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from autodiffusion.any_pipeline import any_pipeline
from autodiffusion.deploy import give_back
from autodiffusion.pipeline_run import generators, images_of
from autodiffusion.candidate import Candidate, Step
from autodiffusion.objectives import Target
from autodiffusion.samplers import sample
from autodiffusion.search import Search
from autodiffusion.tiny_pipelines import (_clip, _clip_tokenizer, _t5, _t5_tokenizer, _unet, _vae, add_ip_adapter,
    add_lora, tiny_pipeline)

SD = dict(beta_schedule='scaled_linear', beta_start=.00085, beta_end=.012)
PROMPTS = ['a cat', 'two dogs in a row', 'the sea']
SMALL = dict(height=16, width=16)

def picture(seed=0, size=16):
    "A small picture of colours"
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size, size, 3), np.uint8))

def embeddings(tokens=6, width=16, seeds=(0, 1, 2), names=('prompt_embeds', 'negative_prompt_embeds'), masks=()):
    "Rows with random embeddings, as an encoder that is not here would give"
    rows = []
    for s in seeds:
        g = torch.Generator().manual_seed(s)
        row = {k: torch.randn(1, tokens, width, generator=g) for k in names}
        rows.append(row | {k: torch.ones(1, tokens, dtype=torch.int64) for k in masks})
    return rows

def chat_tokenizer():
    "The letters of the T5 tokenizer, with the template of a chat"
    t = tf.PreTrainedTokenizerFast(tokenizer_object=_t5_tokenizer().backend_tokenizer, pad_token='<pad>',
        eos_token='</s>', unk_token='<unk>', model_max_length=512)
    t.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    return t

def flow(**more): return d.FlowMatchEulerDiscreteScheduler(**more)

def sd_parts(unet=None, s=None, **more):
    s = s or d.PNDMScheduler(skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1, **SD)
    return dict(vae=_vae(d), text_encoder=_clip(), tokenizer=_clip_tokenizer(), unet=unet or _unet(d), scheduler=s,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False) | more

def xl_unet(**more):
    return _unet(d, 32, addition_embed_type='text_time', addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=40, transformer_layers_per_block=(1, 2), **more)

def xl_parts(unet=None, **more):
    s = d.EulerDiscreteScheduler(steps_offset=1, timestep_spacing='leading', **SD)
    return dict(vae=_vae(d), text_encoder=_clip(), text_encoder_2=_clip('CLIPTextModelWithProjection'),
        tokenizer=_clip_tokenizer(), tokenizer_2=_clip_tokenizer(), unet=unet or xl_unet(), scheduler=s) | more

def controlnet(unet):
    return d.ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8))

def flux_parts(in_channels=16, out_channels=None):
    net = d.FluxTransformer2DModel(patch_size=1, in_channels=in_channels, out_channels=out_channels, num_layers=1,
        num_single_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=16,
        pooled_projection_dim=16, axes_dims_rope=(2, 2, 4), guidance_embeds=True)
    return dict(scheduler=flow(shift=3., use_dynamic_shifting=True), vae=_vae(d, shift_factor=.06),
        text_encoder=_clip(), tokenizer=_clip_tokenizer(), text_encoder_2=_t5(), tokenizer_2=_t5_tokenizer(),
        transformer=net)

def dc_vae():
    return d.AutoencoderDC(in_channels=3, latent_channels=4, attention_head_dim=2,
        encoder_block_types=('ResBlock', 'EfficientViTBlock'), decoder_block_types=('ResBlock', 'EfficientViTBlock'),
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), encoder_qkv_multiscales=((), (5,)),
        decoder_qkv_multiscales=((), (5,)), encoder_layers_per_block=(1, 1), decoder_layers_per_block=(1, 1),
        downsample_block_type='conv', upsample_block_type='interpolate', decoder_norm_types='rms_norm',
        decoder_act_fns='silu', scaling_factor=.41407)

def movq():
    return d.VQModel(block_out_channels=(32, 64), down_block_types=('DownEncoderBlock2D', 'AttnDownEncoderBlock2D'),
        in_channels=3, latent_channels=4, layers_per_block=1, norm_num_groups=8, norm_type='spatial',
        num_vq_embeddings=12, out_channels=3, up_block_types=('AttnUpDecoderBlock2D', 'UpDecoderBlock2D'),
        vq_embed_dim=4)

def vision():
    c = tf.CLIPVisionConfig(hidden_size=16, intermediate_size=32, projection_dim=8, num_hidden_layers=1,
        num_attention_heads=2, image_size=16, patch_size=8)
    return tf.CLIPVisionModelWithProjection(c).eval()

def pixels(): return tf.CLIPImageProcessor(crop_size=16, size=16)

# name -> function that returns (pipeline, what differs between samples, arguments that are the same for all)
CLASSES = {}

def pipeline_of(name):
    def add(f):
        CLASSES[name] = f
        return f
    return add

for _n, _call in dict(DDPMPipeline={}, DDIMPipeline={}, StableDiffusionPipeline={}, StableDiffusionXLPipeline={},
        StableDiffusion3Pipeline={}, FluxPipeline=SMALL, PixArtAlphaPipeline=dict(use_resolution_binning=False),
        PixArtSigmaPipeline=dict(use_resolution_binning=False)).items():
    CLASSES[_n] = lambda n=_n, call=_call: (tiny_pipeline(n), None if n.startswith('DD') else PROMPTS, dict(call))

@pipeline_of('DiTPipeline')
def _(): return tiny_pipeline('DiTPipeline'), [dict(class_labels=k) for k in (3, 7, 11)], {}

@pipeline_of('StableDiffusionPipeline, DPM-Solver')
def _():
    s = d.DPMSolverMultistepScheduler(use_karras_sigmas=True, **SD)
    return d.StableDiffusionPipeline(**sd_parts(s=s)), PROMPTS, {}

@pipeline_of('StableDiffusionPipeline, Heun')
def _(): return d.StableDiffusionPipeline(**sd_parts(s=d.HeunDiscreteScheduler(**SD))), PROMPTS, {}

@pipeline_of('StableDiffusionPipeline, Euler ancestral')
def _(): return d.StableDiffusionPipeline(**sd_parts(s=d.EulerAncestralDiscreteScheduler(**SD))), PROMPTS, {}

@pipeline_of('StableDiffusionPipeline, KDPM2')
def _(): return d.StableDiffusionPipeline(**sd_parts(s=d.KDPM2DiscreteScheduler(**SD))), PROMPTS, {}

@pipeline_of('StableDiffusionPipeline, v-prediction')
def _():
    s = d.DDIMScheduler(prediction_type='v_prediction', clip_sample=False, set_alpha_to_one=False, steps_offset=1, **SD)
    return d.StableDiffusionPipeline(**sd_parts(s=s)), PROMPTS, dict(negative_prompt='bad')

@pipeline_of('StableDiffusionPipeline, LoRA')
def _(): return add_lora(d.StableDiffusionPipeline(**sd_parts())), PROMPTS, {}

@pipeline_of('StableDiffusionPipeline, IP-adapter')
def _():
    pipe = add_ip_adapter(d.StableDiffusionPipeline(**sd_parts(image_encoder=vision(), feature_extractor=pixels())))
    return pipe, [dict(prompt=p) for p in PROMPTS], dict(ip_adapter_image=picture())

@pipeline_of('StableDiffusionImg2ImgPipeline')
def _():
    rows = [dict(prompt=p, image=picture(k)) for k, p in enumerate(PROMPTS)]
    s = d.DDIMScheduler(clip_sample=False, **SD)
    return d.StableDiffusionImg2ImgPipeline(**sd_parts(s=s)), rows, dict(strength=.6)

@pipeline_of('StableDiffusionInpaintPipeline')
def _():
    mask = Image.fromarray(np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((8, 8), np.uint8)))
    rows = [dict(prompt=p, image=picture(k), mask_image=mask) for k, p in enumerate(PROMPTS)]
    return d.StableDiffusionInpaintPipeline(**sd_parts(_unet(d, in_channels=9))), rows, dict(SMALL)

@pipeline_of('StableDiffusionControlNetPipeline')
def _():
    unet = _unet(d)
    rows = [dict(prompt=p, image=picture(k)) for k, p in enumerate(PROMPTS)]
    return d.StableDiffusionControlNetPipeline(**sd_parts(unet, controlnet=controlnet(unet))), rows, {}

@pipeline_of('StableDiffusionInstructPix2PixPipeline')
def _():
    rows = [dict(prompt=p, image=picture(k)) for k, p in enumerate(PROMPTS)]
    return d.StableDiffusionInstructPix2PixPipeline(**sd_parts(_unet(d, in_channels=8),
        s=d.EulerAncestralDiscreteScheduler(**SD))), rows, {}

@pipeline_of('StableDiffusionPAGPipeline')
def _(): return d.StableDiffusionPAGPipeline(**sd_parts(pag_applied_layers=['mid'])), PROMPTS, {}

@pipeline_of('LatentConsistencyModelPipeline')
def _():
    s = d.LCMScheduler(clip_sample=False, set_alpha_to_one=False, **SD)
    return d.LatentConsistencyModelPipeline(**sd_parts(_unet(d, time_cond_proj_dim=8), s=s)), PROMPTS, {}

@pipeline_of('StableDiffusionXLImg2ImgPipeline')
def _():
    rows = [dict(prompt=p, image=picture(k)) for k, p in enumerate(PROMPTS)]
    return d.StableDiffusionXLImg2ImgPipeline(**xl_parts(), add_watermarker=False), rows, dict(strength=.5)

@pipeline_of('StableDiffusionXLControlNetPipeline')
def _():
    unet = xl_unet()
    rows = [dict(prompt=p, image=picture(k)) for k, p in enumerate(PROMPTS)]
    parts = xl_parts(unet, controlnet=controlnet(unet))
    return d.StableDiffusionXLControlNetPipeline(**parts, add_watermarker=False), rows, {}

@pipeline_of('KolorsPipeline')
def _():
    unet = _unet(d, 16, addition_embed_type='text_time', addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=40, transformer_layers_per_block=(1, 2))
    rows = embeddings()
    for r in rows:
        for k in ('pooled_prompt_embeds', 'negative_pooled_prompt_embeds'): r[k] = r[k.replace('pooled_', '')].mean(1)
    s = d.EulerDiscreteScheduler(steps_offset=1, timestep_spacing='leading', **SD)
    return d.KolorsPipeline(vae=_vae(d), text_encoder=None, tokenizer=None, unet=unet, scheduler=s), rows, dict(SMALL)

@pipeline_of('StableDiffusion3Img2ImgPipeline')
def _():
    pipe = d.StableDiffusion3Img2ImgPipeline(**tiny_pipeline('StableDiffusion3Pipeline').components)
    return pipe, [dict(prompt=p, image=picture(k)) for k, p in enumerate(PROMPTS)], dict(strength=.7, **SMALL)

@pipeline_of('FluxImg2ImgPipeline')
def _():
    pipe = d.FluxImg2ImgPipeline(**flux_parts())
    return pipe, [dict(prompt=p, image=picture(k)) for k, p in enumerate(PROMPTS)], dict(strength=.7, **SMALL)

@pipeline_of('FluxControlPipeline')
def _():
    rows = [dict(prompt=p, control_image=picture(k)) for k, p in enumerate(PROMPTS)]
    return d.FluxControlPipeline(**flux_parts(32, 16)), rows, dict(SMALL)

@pipeline_of('Flux2Pipeline')
def _():
    net = d.Flux2Transformer2DModel(patch_size=1, in_channels=16, num_layers=1, num_single_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16, timestep_guidance_channels=256,
        axes_dims_rope=(4, 4, 4, 4))
    vae = d.AutoencoderKLFlux2(sample_size=16, block_out_channels=(8, 8), layers_per_block=1, latent_channels=4,
        norm_num_groups=4, down_block_types=('DownEncoderBlock2D',)*2, up_block_types=('UpDecoderBlock2D',)*2)
    pipe = d.Flux2Pipeline(flow(shift=3., use_dynamic_shifting=True), vae, None, None, net)
    return pipe, embeddings(names=('prompt_embeds',)), dict(SMALL)

@pipeline_of('ChromaPipeline')
def _():
    net = d.ChromaTransformer2DModel(patch_size=1, in_channels=16, num_layers=1, num_single_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16, axes_dims_rope=(4, 4, 8),
        approximator_hidden_dim=32, approximator_layers=1, approximator_num_channels=16)
    pipe = d.ChromaPipeline(flow(), _vae(d, shift_factor=.06), _t5(), _t5_tokenizer(), net)
    return pipe, PROMPTS, dict(SMALL, max_sequence_length=16)

@pipeline_of('SanaPipeline')
def _():
    net = d.SanaTransformer2DModel(patch_size=1, in_channels=4, out_channels=4, num_layers=2, num_attention_heads=2,
        attention_head_dim=8, num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16,
        caption_channels=16, sample_size=8)
    s = d.DPMSolverMultistepScheduler(use_flow_sigmas=True, prediction_type='flow_prediction', flow_shift=3.)
    gemma = tf.Gemma2Model(tf.Gemma2Config(head_dim=8, hidden_size=16, intermediate_size=32, num_attention_heads=2,
        num_hidden_layers=1, num_key_value_heads=2, vocab_size=40)).eval()
    pipe = d.SanaPipeline(chat_tokenizer(), gemma, dc_vae(), net, s)
    return pipe, PROMPTS, dict(height=32, width=32, max_sequence_length=16, complex_human_instruction=None,
        use_resolution_binning=False)

@pipeline_of('SanaSprintPipeline')
def _():
    net = d.SanaTransformer2DModel(patch_size=1, in_channels=4, out_channels=4, num_layers=2, num_attention_heads=2,
        attention_head_dim=8, num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16,
        caption_channels=16, sample_size=8, qk_norm='rms_norm_across_heads', guidance_embeds=True)
    pipe = d.SanaSprintPipeline(None, None, dc_vae(), net, d.SCMScheduler())
    rows = embeddings(names=('prompt_embeds',), masks=('prompt_attention_mask',))
    return pipe, rows, dict(height=32, width=32, use_resolution_binning=False, intermediate_timesteps=None)

@pipeline_of('Lumina2Pipeline')
def _():
    net = d.Lumina2Transformer2DModel(sample_size=8, patch_size=2, in_channels=4, hidden_size=16, num_layers=2,
        num_refiner_layers=1, num_attention_heads=2, num_kv_heads=2, multiple_of=16, axes_dim_rope=(4, 2, 2),
        axes_lens=(300, 32, 32), cap_feat_dim=16)
    gemma = tf.Gemma2Model(tf.Gemma2Config(head_dim=8, hidden_size=16, intermediate_size=32, num_attention_heads=2,
        num_hidden_layers=2, num_key_value_heads=2, vocab_size=40)).eval()
    pipe = d.Lumina2Pipeline(net, flow(shift=6.), _vae(d, shift_factor=.06), gemma, chat_tokenizer())
    return pipe, PROMPTS, dict(SMALL, max_sequence_length=16)

@pipeline_of('LuminaPipeline')
def _():
    net = d.LuminaNextDiT2DModel(sample_size=8, patch_size=2, in_channels=4, hidden_size=16, num_layers=2,
        num_attention_heads=2, num_kv_heads=2, multiple_of=16, learn_sigma=True, qk_norm=True, cross_attention_dim=16)
    pipe = d.LuminaPipeline(net, flow(), _vae(d), None, None)
    rows = embeddings(masks=('prompt_attention_mask', 'negative_prompt_attention_mask'))
    return pipe, rows, dict(SMALL)

@pipeline_of('AuraFlowPipeline')
def _():
    net = d.AuraFlowTransformer2DModel(sample_size=8, patch_size=2, in_channels=4, num_mmdit_layers=1,
        num_single_dit_layers=1, attention_head_dim=8, num_attention_heads=2, caption_projection_dim=16,
        joint_attention_dim=16, out_channels=4, pos_embed_max_size=64)
    pipe = d.AuraFlowPipeline(_t5_tokenizer(), tf.UMT5EncoderModel(tf.UMT5Config(vocab_size=30, d_model=16, d_kv=8,
        d_ff=32, num_layers=1, num_heads=2)).eval(), _vae(d), net, flow(shift=1.73))
    return pipe, PROMPTS, dict(SMALL, max_sequence_length=16)

@pipeline_of('HunyuanDiTPipeline')
def _():
    net = d.HunyuanDiT2DModel(sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=3,
        in_channels=4, cross_attention_dim=16, cross_attention_dim_t5=16, pooled_projection_dim=16, hidden_size=24,
        activation_fn='gelu-approximate', text_len=6, text_len_t5=6)
    names = ('prompt_embeds', 'negative_prompt_embeds', 'prompt_embeds_2', 'negative_prompt_embeds_2')
    masks = tuple(n.replace('embeds', 'attention_mask') for n in names)
    s = d.DDPMScheduler(beta_schedule='scaled_linear', beta_start=.00085, beta_end=.018, steps_offset=1,
        prediction_type='v_prediction')
    pipe = d.HunyuanDiTPipeline(_vae(d), None, None, net, s, None, None, False, None, None)
    return pipe, embeddings(names=names, masks=masks), dict(SMALL, use_resolution_binning=False)

@pipeline_of('QwenImagePipeline')
def _():
    net = d.QwenImageTransformer2DModel(patch_size=2, in_channels=16, out_channels=4, num_layers=2,
        attention_head_dim=16, num_attention_heads=3, joint_attention_dim=16, axes_dims_rope=(8, 4, 4))
    vae = d.AutoencoderKLQwenImage(base_dim=24, z_dim=4, dim_mult=[1, 2, 4], num_res_blocks=1,
        temperal_downsample=[False, True], latents_mean=[0.]*4, latents_std=[1.]*4)
    s = flow(shift=1., use_dynamic_shifting=True, base_shift=.5, max_shift=.9, shift_terminal=.02)
    rows = embeddings(masks=('prompt_embeds_mask', 'negative_prompt_embeds_mask'))
    return d.QwenImagePipeline(s, vae, None, None, net), rows, dict(SMALL, true_cfg_scale=4.)

@pipeline_of('ZImagePipeline')
def _():
    net = d.ZImageTransformer2DModel(all_patch_size=(2,), all_f_patch_size=(1,), in_channels=4, dim=32, n_layers=2,
        n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16, axes_dims=(8, 4, 4), axes_lens=(256, 32, 32))
    with torch.no_grad():
        for p in (net.x_pad_token, net.cap_pad_token): p.fill_(1.)
    qwen = tf.Qwen3Model(tf.Qwen3Config(hidden_size=16, intermediate_size=16, num_hidden_layers=2, head_dim=8,
        num_attention_heads=2, num_key_value_heads=2, vocab_size=40, max_position_embeddings=512)).eval()
    pipe = d.ZImagePipeline(flow(shift=3.), _vae(d, shift_factor=.06), qwen, chat_tokenizer(), net)
    return pipe, PROMPTS, dict(SMALL, max_sequence_length=16)

@pipeline_of('HiDreamImagePipeline')
def _():
    net = d.HiDreamImageTransformer2DModel(patch_size=2, in_channels=4, out_channels=4, num_layers=1,
        num_single_layers=1, attention_head_dim=8, num_attention_heads=4, caption_channels=[16, 16], text_emb_dim=32,
        num_routed_experts=4, num_activated_experts=2, axes_dims_rope=(4, 2, 2), max_resolution=(8, 8),
        llama_layers=(0, 1))
    nothing = [None]*8      # encoders and tokenizers
    pipe = d.HiDreamImagePipeline(flow(shift=3.), _vae(d, shift_factor=.06), *nothing, net)
    rows = []
    for s in range(3):
        g = torch.Generator().manual_seed(s)
        r = lambda *shape: torch.randn(*shape, generator=g)
        row = dict(pooled_prompt_embeds=r(1, 32), prompt_embeds_t5=r(1, 6, 16), prompt_embeds_llama3=r(2, 1, 6, 16))
        rows.append(row | {f'negative_{k}': v.clone() for k, v in row.items()})
    return pipe, rows, dict(SMALL)

@pipeline_of('CogView3PlusPipeline')
def _():
    net = d.CogView3PlusTransformer2DModel(patch_size=2, in_channels=4, num_layers=2, attention_head_dim=4,
        num_attention_heads=2, out_channels=4, text_embed_dim=16, time_embed_dim=8, condition_dim=2,
        pos_embed_max_size=8, sample_size=8)
    s = d.CogVideoXDDIMScheduler(snr_shift_scale=4., prediction_type='v_prediction', timestep_spacing='trailing', **SD)
    return d.CogView3PlusPipeline(_t5_tokenizer(), _t5(), _vae(d), net, s), PROMPTS, dict(SMALL, max_sequence_length=16)

@pipeline_of('CogView4Pipeline')
def _():
    net = d.CogView4Transformer2DModel(patch_size=2, in_channels=4, num_layers=2, attention_head_dim=4,
        num_attention_heads=4, out_channels=4, text_embed_dim=16, time_embed_dim=8, condition_dim=4, sample_size=8)
    s = flow(base_shift=.25, max_shift=.75, base_image_seq_len=256, use_dynamic_shifting=True, time_shift_type='linear')
    return d.CogView4Pipeline(None, None, _vae(d), net, s), embeddings(), dict(SMALL)

@pipeline_of('KandinskyV22Pipeline')
def _():
    net = d.UNet2DConditionModel(sample_size=8, in_channels=4, out_channels=8, addition_embed_type='image',
        down_block_types=('ResnetDownsampleBlock2D', 'SimpleCrossAttnDownBlock2D'),
        up_block_types=('SimpleCrossAttnUpBlock2D', 'ResnetUpsampleBlock2D'),
        mid_block_type='UNetMidBlock2DSimpleCrossAttn', block_out_channels=(8, 16), layers_per_block=1,
        encoder_hid_dim=16, encoder_hid_dim_type='image_proj', cross_attention_dim=16, attention_head_dim=4,
        norm_num_groups=4, resnet_time_scale_shift='scale_shift')
    s = d.DDPMScheduler(beta_schedule='linear', beta_start=.00085, beta_end=.012, clip_sample=False,
        variance_type='learned_range')
    rows = [{k: v[:, 0] for k, v in r.items()} for r in embeddings(names=('image_embeds', 'negative_image_embeds'))]
    return d.KandinskyV22Pipeline(net, s, movq()), rows, dict(height=64, width=64)

@pipeline_of('KandinskyV22PriorPipeline')
def _():
    net = d.PriorTransformer(num_attention_heads=2, attention_head_dim=8, embedding_dim=8, num_layers=1,
        num_embeddings=16)
    clip = tf.CLIPTextModelWithProjection(tf.CLIPTextConfig(vocab_size=80, hidden_size=8, intermediate_size=16,
        num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=16, projection_dim=8, bos_token_id=0,
        eos_token_id=1, pad_token_id=1)).eval()
    s = d.UnCLIPScheduler(variance_type='fixed_small_log', prediction_type='sample', num_train_timesteps=1000,
        clip_sample_range=10.)
    return d.KandinskyV22PriorPipeline(net, vision(), clip, _clip_tokenizer(), s, pixels()), PROMPTS, {}

@pipeline_of('Kandinsky3Pipeline')
def _():
    net = d.Kandinsky3UNet(in_channels=4, time_embedding_dim=4, groups=2, attention_head_dim=4, layers_per_block=3,
        block_out_channels=(32, 64), cross_attention_dim=4, encoder_hid_dim=16)
    s = d.DDPMScheduler(beta_start=.00085, beta_end=.012, beta_schedule='squaredcos_cap_v2', clip_sample=True)
    return d.Kandinsky3Pipeline(_t5_tokenizer(), _t5(), net, s, movq()), PROMPTS, dict(height=16, width=16)

@pipeline_of('StableCascadeDecoderPipeline')
def _():
    net = d.models.StableCascadeUNet(in_channels=4, out_channels=4, conditioning_dim=16, block_out_channels=(16, 16),
        num_attention_heads=(0, 2), down_num_layers_per_block=(1, 1), up_num_layers_per_block=(1, 1),
        down_blocks_repeat_mappers=(1, 1), up_blocks_repeat_mappers=(1, 1), switch_level=(False,),
        clip_text_pooled_in_channels=16, clip_seq=2, effnet_in_channels=4, self_attn=False, dropout=0.,
        block_types_per_layer=(('SDCascadeResBlock', 'SDCascadeTimestepBlock'),
            ('SDCascadeResBlock', 'SDCascadeTimestepBlock', 'SDCascadeAttnBlock')))
    from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel
    vq = PaellaVQModel(levels=2, bottleneck_blocks=1, embed_dim=8, latent_channels=4, num_vq_embeddings=32)
    pipe = d.StableCascadeDecoderPipeline(net, _clip_tokenizer(), _clip('CLIPTextModelWithProjection'),
        d.DDPMWuerstchenScheduler(), vq, 4.)
    rows = [dict(prompt=p, image_embeddings=torch.ones(1, 4, 2, 2)*k) for k, p in enumerate(PROMPTS)]
    return pipe, rows, dict(guidance_scale=1.5)

@pipeline_of('PRXPipeline')
def _():
    net = d.PRXTransformer2DModel(patch_size=1, in_channels=4, context_in_dim=16, hidden_size=16, mlp_ratio=2.,
        num_heads=2, depth=2, axes_dim=[4, 4])
    pipe = d.PRXPipeline(net, flow(shift=3.), None, None, _vae(d, shift_factor=0.))
    return pipe, embeddings(), dict(SMALL, use_resolution_binning=False, guidance_scale=1.)

@pipeline_of('OvisImagePipeline')
def _():
    net = d.OvisImageTransformer2DModel(patch_size=1, in_channels=16, out_channels=16, num_layers=1,
        num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16,
        axes_dims_rope=(4, 4, 8))
    pipe = d.OvisImagePipeline(flow(shift=3., use_dynamic_shifting=True), _vae(d, shift_factor=.06), None, None, net)
    return pipe, embeddings(), dict(SMALL, negative_prompt=None)

@pipeline_of('ConsistencyModelPipeline')
def _():
    net = tiny_pipeline('DDIMPipeline').unet
    s = d.CMStochasticIterativeScheduler(num_train_timesteps=40, sigma_min=.002, sigma_max=80.)
    return d.ConsistencyModelPipeline(net, s), None, {}

@pipeline_of('WanPipeline (video)')
def _():
    net = d.WanTransformer3DModel(patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16,
        out_channels=16, text_dim=16, freq_dim=32, ffn_dim=32, num_layers=2, rope_max_seq_len=32)
    vae = d.AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        temperal_downsample=[False, True, True])
    s = d.UniPCMultistepScheduler(prediction_type='flow_prediction', use_flow_sigmas=True, flow_shift=3.)
    pipe = d.WanPipeline(_t5_tokenizer(), _t5(), vae, s, net)
    return pipe, PROMPTS, dict(SMALL, num_frames=5, max_sequence_length=16, negative_prompt='bad')

@pipeline_of('LattePipeline (video)')
def _():
    net = d.LatteTransformer3DModel(sample_size=8, num_layers=1, patch_size=2, attention_head_dim=8,
        num_attention_heads=3, caption_channels=16, in_channels=4, cross_attention_dim=24, out_channels=8,
        attention_bias=True, activation_fn='gelu-approximate', num_embeds_ada_norm=1000, norm_type='ada_norm_single',
        norm_elementwise_affine=False, video_length=2)
    pipe = d.LattePipeline(_t5_tokenizer(), _t5(), _vae(d), net, d.DDIMScheduler(clip_sample=False))
    return pipe, PROMPTS, dict(SMALL, video_length=2, clean_caption=False)

@pipeline_of('LTXPipeline (video)')
def _():
    net = d.LTXVideoTransformer3DModel(in_channels=8, out_channels=8, num_attention_heads=4, attention_head_dim=8,
        cross_attention_dim=32, num_layers=2, caption_channels=16)
    vae = d.AutoencoderKLLTXVideo(in_channels=3, out_channels=3, latent_channels=8, block_out_channels=(8,)*4,
        decoder_block_out_channels=(8,)*4, layers_per_block=(1,)*5, decoder_layers_per_block=(1,)*5,
        spatio_temporal_scaling=(True, True, False, False), decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False,)*5, upsample_residual=(False,)*4, upsample_factor=(1,)*4,
        timestep_conditioning=False, patch_size=1, patch_size_t=1, encoder_causal=True, decoder_causal=False)
    s = flow(use_dynamic_shifting=True, base_shift=.95, max_shift=2.05, shift_terminal=.1, base_image_seq_len=1024)
    pipe = d.LTXPipeline(s, vae, _t5(), _t5_tokenizer(), net)
    return pipe, PROMPTS, dict(height=32, width=32, num_frames=9, max_sequence_length=16)

def make(name, seed=0):
    "A small pipeline, written to a folder and read from there, with rows and arguments"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipe, rows, call = CLASSES[name]()
    with tempfile.TemporaryDirectory() as folder:
        # adapters are loaded afterwards, and from_pretrained does not find the class of Cascade's decoder
        if name.endswith(('LoRA', 'IP-adapter')) or 'Cascade' in name: saved = pipe
        else:
            pipe.save_pretrained(folder)
            nothing = {k: None for k, v in pipe.components.items() if v is None}
            saved = type(pipe).from_pretrained(folder, **nothing)
            if name == 'HiDreamImagePipeline': saved.default_sample_size = 8
    saved.set_progress_bar_config(disable=True)
    return saved, rows, call

def direct(pipe, rows, call, labels, generator, n):
    "Images of the pipeline's own call, put together by hand"
    a = dict(call)
    if rows:
        given = [r if isinstance(r, dict) else dict(prompt=r) for r in rows]
        for k in given[0]:
            v = [given[y][k] for y in labels]
            a[k] = torch.cat(v) if torch.is_tensor(v[0]) else v
        if isinstance(a.get('negative_prompt'), str): a['negative_prompt'] = [a['negative_prompt']]*len(labels)
    elif 'batch_size' in inspect.signature(type(pipe).__call__).parameters: a['batch_size'] = len(generator)
    return images_of(pipe(**a, num_inference_steps=n, generator=generator, output_type='np'))

def flops(f, network):
    "Operations of a network of that class in a call"
    counter = FlopCounterMode(display=False)
    with counter: f()
    return sum(counter.get_flop_counts()[network].values())

def moved(model, n):
    "Steps of the pipeline, all but the first moved a little"
    own = model.own_steps(n)
    whole = all(float(t).is_integer() for t in own.times)
    T, last = len(model.schedule), own.times[-1]
    times = [own.times[0], *(t - max(1, round(.02*T)) if t > .05*T else t for t in own.times[1:-1])]
    times.append(round((own.times[-2] + last)/2) if whole else (own.times[-2] + last)/2)
    return Candidate(tuple(times), sampler='own')

def short_search(model, target, out, callback=None):
    "A search of a few seconds, in a folder"
    return Search(model, target, space=model.space(3), preset='quick', samples=2, rungs=(), population=4, generations=2,
        finalists=1, final_samples=2, refinements=0, race_samples=0, held_out=2, batch_size=2, precision='float32',
        baselines=dict(own=model.own_steps(3)), out=out).run(progress=False, callback=callback, live=False)

def continued(model):
    "Whether a search that was stopped and continued finds what one does that was not"
    target = lambda: Target(model.own_steps(6), batch_size=2)
    seen = []
    def stop(event):
        seen.append(event)
        if len(seen) == 4: raise KeyboardInterrupt
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        whole = short_search(model, target(), a)
        try: short_search(model, target(), b, stop)
        except KeyboardInterrupt: pass
        else: return False
        half = short_search(model, target(), b)
    return half.best == whole.best and half.rows['searched'][1].value == whole.rows['searched'][1].value

def check(name, search=True):
    "What works of a class: a row of the table, with the reason for what does not; `search`: try a short one, too"
    row = dict(pipeline=name)
    try:
        pipe, rows, call = make(name)
        row['scheduler'] = type(pipe.scheduler).__name__
        model = any_pipeline(pipe, rows, **call)
        row |= check_steps(model, pipe, rows, call)
        if search: row['search continued'] = 'yes' if continued(model) else 'NO'
        row |= check_blocks_of(model)
    except ValueError as e: row['refused'] = str(e)
    return row

def check_steps(model, pipe, rows, call):
    "Own steps, other steps, and the samplers of the package"
    labels = model.labels(range(2))
    labels = [0, 0] if labels is None else labels.tolist()
    n = model.caller.steps_to_ask(3)
    images = lambda: direct(pipe, rows, call, labels, generators(0, range(2)), n)
    draw = lambda c: sample(model, c, n=2, batch_size=2)
    own, c = model.own_steps(3), moved(model, 3)
    drawn, scored = draw(own), draw(c)
    row = dict(steps=', '.join(f'{t:g}' for t in own.times))
    row['own'] = 'bit for bit' if torch.equal(drawn, images()) else 'NO'
    model.apply(c)
    delivered = images()
    give_back(pipe)
    same = torch.equal(scored, delivered) and not torch.equal(scored, drawn)
    row['candidate'] = 'bit for bit' if same else f'NO ({float((scored - delivered).abs().max()):.2g})'
    if not torch.equal(images(), drawn): row['own'] = 'NO: not given back'
    alone = [sample(model, c, n=1, start=i, labels=[y] if model.n_classes else None) for i, y in enumerate(labels)]
    alone = torch.cat(alone)
    row['alone'] = f'{float((alone - scored).abs().max()):.1g}'
    try: row['ddim'] = 'yes' if torch.isfinite(draw(Candidate(c.times, sampler='ddim'))).all() else 'NO'
    except ValueError as e: row['ddim'] = f'refused: {e}'
    return row

def check_blocks_of(model):
    "Blocks, and what skipping every second one of them saves"
    model = model.with_blocks()
    own = model.own_steps(3)
    half = range(0, len(model.blocks), 2)
    skipping = Candidate(tuple(Step(s.t, skip=half) for s in own.steps), sampler='own')
    reusing = Candidate(tuple(Step(s.t, reuse=half if k else ()) for k, s in enumerate(own.steps)), sampler='own')
    name = type(model.net.backbone).__name__
    counts = [flops(lambda: sample(model, c, n=1), name) for c in (own, skipping, reusing)]
    return dict(blocks=len(model.blocks), skipping=f'{counts[1]/counts[0]:.0%}', reusing=f'{counts[2]/counts[0]:.0%}')
